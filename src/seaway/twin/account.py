"""An account of AWS on this machine, empty at first: all that plays it, started and ended together."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

import boto3
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from seaway.kit.lock import locked
from seaway.model.event import Report, notes, told
from seaway.providers.local import certificate, home
from seaway.providers.local.access import HOST, PUSH, Access
from seaway.twin.authenticator import Authenticator, Holder, answering
from seaway.twin.ecr import Ecr
from seaway.twin.emulator import emulating
from seaway.twin.inventory import OPEN, Aws, Inventory, inventory
from seaway.twin.machines import LocalMachines, local_name
from seaway.twin.old import OldServer
from seaway.twin.wire import listening, serving

#: Who the rehearsal is in the account.
USER: Final = "rehearsal"
#: The nodes that stand for those of any instance type: 2 CPUs and 4 GiB.
SIZE: Final = "medium"
_LIFE: Final = timedelta(days=1)


@dataclass(frozen=True)
class Place:
    """What a rehearsal is of: an account, a region, the name of the cluster there, visitors' names for it."""

    account: str
    region: str
    cluster: str
    names: tuple[str, ...]


@dataclass(frozen=True)
class Twin:
    """The account as it runs, at the URLs of `aws`, and ECR at a URL of its own.

    `old` is where the old server is, as pods and this machine reach it.
    `folder` holds kubeconfig, logs, and the certificate of the names (chain.pem, key.pem, and ca.pem, who
    vouches for it). `context` is that of the local cluster.
    """

    place: Place
    aws: Aws
    ecr: str
    old: str
    folder: Path
    context: str

    @property
    def variables(self) -> Mapping[str, str]:
        """The environment in which commands speak to this account and to nothing else."""
        return {
            "SEAWAY_AWS_ENDPOINTS": f"{self.aws.moto} eks={self.aws.eks} ecr={self.ecr} registry=https://{HOST}",
            "AWS_ACCESS_KEY_ID": self.aws.key,
            "AWS_SECRET_ACCESS_KEY": self.aws.secret,
            "AWS_CONFIG_FILE": str(self.folder / "aws-config"),
            "AWS_SHARED_CREDENTIALS_FILE": str(self.folder / "aws-credentials"),
            "AWS_EC2_METADATA_DISABLED": "true",
            "KUBECONFIG": str(self.folder / "kubeconfig"),
        }

    @property
    def cli(self) -> Mapping[str, str]:
        """The same for the aws command, which has variables of its own for endpoints."""
        kept = {name: text for name, text in self.variables.items() if not name.startswith("SEAWAY")}
        own = {"AWS_ENDPOINT_URL_EKS": self.aws.eks, "AWS_ENDPOINT_URL_ECR": self.ecr}
        return {**kept, "AWS_ENDPOINT_URL": self.aws.moto, **own, "AWS_DEFAULT_REGION": self.place.region}

    def there(self) -> Inventory:
        """List what is in the account now, without Seaway's eyes; kinds of which nothing is are left out."""
        return {kind: things for kind, things in inventory(self.aws, self.place.region).items() if things}


@contextmanager
def playing(place: Place, monolith: int, report: Report) -> Iterator[Twin]:
    """Play an account until the end of the block; then nothing of it is left, however the block ends.

    `monolith` is the port of this machine's loopback on which an old server answers, 0 for a stand-in.
    Raises MissingTool where moto is not installed, and what making a local cluster raises.
    """
    name = local_name(place.cluster)
    lock, tell = home.RUN / "locks" / f"rehearsal-{name}.lock", notes(report, "lock")
    with ExitStack() as stack:
        begin = stack.enter_context
        begin(locked(lock, f"another rehearsal of {place.cluster}", tell))
        folder = begin(_folder(home.RUN / "rehearsals" / name))
        _certify(place.names, folder)
        machines = begin(closing(LocalMachines(SIZE, report)))
        outside, port = machines.reserve(place.cluster), monolith or begin(listening(OldServer))
        machines.admit(place.cluster, port)
        door = begin(answering(folder))
        machines.consult(place.cluster, door.webhook)
        with told(report, "twin/aws", "AWS on this machine: moto, and EKS of our own"):
            moto = begin(emulating(folder, place.account))
            eks, regions = begin(serving(moto, folder, machines, account=place.account))
            holder, key = _key(moto, place.region)
            aws = Aws(moto, eks, regions, key, holder.secret)
            door.authenticator = Authenticator({key: holder}, regions, place.region, place.cluster, moto)
            parts = {"moto": moto, "host": HOST, "password": staticmethod(_password)}
            ecr = begin(listening(type("TwinEcr", (Ecr,), parts)))
        old, context = f"http://{outside}:{port}", machines.context(place.cluster)
        yield Twin(place, aws, f"http://127.0.0.1:{ecr}", old, folder, context)


@contextmanager
def _folder(path: Path) -> Iterator[Path]:
    """Give an empty folder for root only, which goes afterwards."""
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True, mode=0o700)
    try:
        yield path
    finally:
        shutil.rmtree(path)


def _key(moto: str, region: str) -> tuple[Holder, str]:
    """Make the user that the rehearsal is, and a key of theirs."""
    iam = boto3.client("iam", endpoint_url=moto, region_name=region, **OPEN)
    user = iam.create_user(UserName=USER)["User"]
    key = iam.create_access_key(UserName=USER)["AccessKey"]
    return Holder(user["Arn"], user["Arn"], user["UserId"], key["SecretAccessKey"]), key["AccessKeyId"]


def _password() -> str:
    return Access().account(PUSH).password


def _certify(names: tuple[str, ...], folder: Path) -> None:
    """Write a certificate for these names that lasts a day, its key, and who vouches for it."""
    authority = certificate.authority("Seaway rehearsal", _LIFE)
    wanted, uses = [*map(x509.DNSName, names)], [ExtendedKeyUsageOID.SERVER_AUTH]
    made = certificate.issue(authority, certificate.subject(names[0]), _LIFE, wanted, uses)
    certificate.write(folder / "chain.pem", made.pem)
    certificate.write(folder / "key.pem", certificate.pem(made.key))
    certificate.write(folder / "ca.pem", authority.pem)
