"""What a person touches: the `workcell` command, the web page, bags and reports."""
