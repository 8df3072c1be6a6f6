"""What a policy that did not run would have earned, estimated from the cycles of one that did."""
