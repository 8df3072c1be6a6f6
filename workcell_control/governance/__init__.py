"""The one gate for every change: what may happen alone, what a person must authorise, all of it audited."""
