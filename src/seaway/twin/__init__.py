"""AWS played on this machine, for a rehearsal of production: what no account and no money is needed for.

moto plays EC2, ECR, IAM and STS; EKS is a small service of our own, whose clusters are local ones.
"""
