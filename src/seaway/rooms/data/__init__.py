"""Data: databases in the cluster, on volumes that persist."""
