"""Cluster: the Kubernetes that the environment runs on."""
