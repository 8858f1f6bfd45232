"""Services: workloads that roll over without dropping a request."""
