"""The pilot: steers crossings in the cluster, when no laptop is open."""
