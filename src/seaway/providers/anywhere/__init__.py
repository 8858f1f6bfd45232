"""The provider of clusters that are there already, by a kubeconfig; and what all clusters elsewhere share."""
