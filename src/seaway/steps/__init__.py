"""Steps that every room shares: bring one Kubernetes object to a manifest, remove one, wait for one."""
