"""The thin ROS glue that all nodes share.

`schema`, `config` and `errors` are pure Python and may be imported from anywhere;
`params`, `qos`, `convert` and `lifecycle` import ROS and belong to nodes.
"""
