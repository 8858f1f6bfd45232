"""Roles and users over the wire: made, mended, seen, taken away; and what whoever runs this may do."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from seaway.app.identity import Registrar
from seaway.cli import main
from seaway.errors import NotFound, Refused, UsageError
from seaway.model.event import silent
from seaway.model.identity import Job, Kind, Wish
from seaway.providers.eks.caller import principal_of, whoami
from seaway.providers.eks.cloud import Cloud
from seaway.providers.eks.identities import Identities
from seaway.providers.eks.policies import Place, policies
from seaway.twin.inventory import Aws, client
from tests.providers.eks.gate import Gate
from tests.providers.eks.looks import Calls
from tests.providers.eks.test_clusters import killed_at_every_call

REGION = "eu-central-1"
CI = Wish("ci", Job.DEPLOYER, Kind.ROLE)
BOB = Wish("bob", Job.VIEWER, Kind.USER)
OURS = {"PathPrefix": "/seaway/"}


@pytest.fixture
def identities(gate: Gate) -> Iterator[Identities]:  # noqa: ARG001
    found = Identities(Cloud.open(REGION))
    yield found
    for each in found.all():
        found.revoke(each.name, silent)


def things(aws: Aws) -> Any:
    """See all of IAM that Seaway made for people, without Seaway's eyes."""
    iam = client(aws, "iam", REGION)
    users, roles = iam.list_users(**OURS)["Users"], iam.list_roles(**OURS)["Roles"]
    return {
        "users": {u["UserName"]: _attached(iam, "user", u["UserName"]) for u in users},
        "roles": {
            r["RoleName"]: (_attached(iam, "role", r["RoleName"]), r["AssumeRolePolicyDocument"])
            for r in roles
        },
        "policies": {
            each["PolicyName"]: iam.get_policy_version(
                PolicyArn=each["Arn"], VersionId=each["DefaultVersionId"]
            )["PolicyVersion"]["Document"]
            for each in iam.list_policies(Scope="Local", PathPrefix="/seaway/")["Policies"]
        },
    }


def _attached(iam: Any, kind: str, name: str) -> list[str]:
    found = getattr(iam, f"list_attached_{kind}_policies")(**{f"{kind.title()}Name": name})
    return sorted(each["PolicyName"] for each in found["AttachedPolicies"])


@pytest.mark.parametrize("wish", [CI, BOB])
def test_killed_after_every_call_it_arrives_at_the_same_place(
    aws: Aws, identities: Identities, wish: Wish
) -> None:
    """Both ways; a second run changes nothing, and nothing is left in the end."""
    calls = Calls(identities.cloud.session)
    assert killed_at_every_call(calls, lambda: identities.create(wish, silent)) == (
        7 if wish.job is Job.DEPLOYER else 3
    )
    seen, place = things(aws), Place("123456789012", REGION, "aws")
    wanted = {f"seaway-{wish.name}-{part}": document for part, document in policies(wish.job, place).items()}
    assert seen["policies"] == wanted
    if wish.kind is Kind.ROLE:
        trust = {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::123456789012:root"}}
        assert seen["roles"]["seaway-ci"][1]["Statement"] == [{**trust, "Action": "sts:AssumeRole"}]
    attached = seen["roles"]["seaway-ci"][0] if wish.kind is Kind.ROLE else seen["users"]["seaway-bob"]
    assert attached == sorted(wanted)
    calls.made.clear()
    made = identities.create(wish, silent)
    assert calls.made == []
    assert identities.all() == (made,)
    assert (made.kind, made.job, made.region, made.keys) == (wish.kind, wish.job, REGION, ())
    assert killed_at_every_call(calls, lambda: identities.revoke(wish.name, silent)) > 2
    assert things(aws) == {"users": {}, "roles": {}, "policies": {}}
    assert not identities.revoke(wish.name, silent)


def test_what_aws_does_not_show_yet_is_waited_for(aws: Aws, gate: Gate, identities: Identities) -> None:
    gate.lag = 3
    identities.create(BOB, silent)
    identities.create(CI, silent)
    seen = things(aws)
    assert seen["users"] == {"seaway-bob": ["seaway-bob-looks"]}
    assert seen["roles"]["seaway-ci"][0] == ["seaway-ci-looks", "seaway-ci-makes", "seaway-ci-names"]


def test_what_differs_is_mended_and_what_others_attached_stays(aws: Aws, identities: Identities) -> None:
    """Also where IAM keeps no more versions of a policy."""
    identities.create(CI, silent)
    before, iam = things(aws), client(aws, "iam", REGION)
    arn = "arn:aws:iam::123456789012:policy/seaway/seaway-ci-looks"
    everything = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
    }
    for _ in range(4):
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=json.dumps(everything), SetAsDefault=True)
    iam.detach_role_policy(RoleName="seaway-ci", PolicyArn=arn.replace("looks", "makes"))
    identities.create(CI, silent)
    assert things(aws) == before
    theirs = "arn:aws:iam::aws:policy/ReadOnlyAccess"
    iam.attach_role_policy(RoleName="seaway-ci", PolicyArn=theirs)
    trusted = Wish("ci", Job.DEPLOYER, Kind.ROLE, ("arn:aws:iam::123456789012:user/deployer",))
    identities.create(trusted, silent)
    attached, trust = things(aws)["roles"]["seaway-ci"]
    assert "ReadOnlyAccess" in attached
    assert trust["Statement"][0]["Principal"] == {"AWS": trusted.trusted[0]}
    identities.create(CI, silent)
    assert things(aws)["roles"]["seaway-ci"][1] == trust
    with pytest.raises(Exception, match="identity ci cannot be removed"):
        identities.revoke("ci", silent)
    iam.detach_role_policy(RoleName="seaway-ci", PolicyArn=theirs)
    assert identities.revoke("ci", silent)


def test_what_is_there_is_neither_changed_nor_taken_over(aws: Aws, identities: Identities) -> None:
    iam = client(aws, "iam", REGION)
    identities.create(BOB, silent)
    for wish in (Wish("bob", Job.DEPLOYER, Kind.USER), Wish("bob", Job.VIEWER, Kind.ROLE)):
        with pytest.raises(Refused, match="identity bob is there: a user, viewer in eu-central-1"):
            identities.create(wish, silent)
    with pytest.raises(Refused, match="identity bob is there"):
        Identities(Cloud.open("eu-west-1")).create(BOB, silent)
    iam.create_user(UserName="seaway-eve")
    with pytest.raises(Refused, match="user seaway-eve is there and is not Seaway's"):
        identities.create(Wish("eve", Job.VIEWER, Kind.USER), silent)
    assert identities.revoke("eve", silent)
    assert iam.get_user(UserName="seaway-eve")
    iam.delete_user(UserName="seaway-eve")
    with pytest.raises(NotFound, match="no identity eve"):
        identities.get("eve")


def test_what_cannot_be_is_told_before_anything_is_done(aws: Aws, identities: Identities) -> None:
    house = Registrar(REGION)
    with pytest.raises(UsageError, match="cannot be an identity's name"):
        identities.create(Wish("Not a name", Job.VIEWER, Kind.ROLE), silent)
    with pytest.raises(UsageError, match="a user is taken by nobody"):
        identities.create(Wish("bob", Job.VIEWER, Kind.USER, ("arn:aws:iam::1:root",)), silent)
    with pytest.raises(UsageError, match="a role has no key to be kept"):
        house.create(CI, ["file:/key"], silent)
    for place in (
        "file:key",
        "file:",
        "kubernetes:context/name",
        "env:KEY",
        "file:/tmp/ä",
        "secretsmanager:",
    ):
        with pytest.raises(UsageError, match="no such place for a key"):
            house.consumers("bob", [place])
    identities.create(CI, silent)
    with pytest.raises(Refused, match="identity ci is a role and has no keys"):
        identities.keys("ci")
    identities.revoke("ci", silent)
    assert things(aws) == {"users": {}, "roles": {}, "policies": {}}


def test_who_runs_this_is_told_with_what_they_may_do(
    gate: Gate, identities: Identities, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A viewer; then one with more rights; then one who may not ask."""
    made = identities.create(BOB, silent)
    iam = identities.cloud.iam
    key = iam.create_access_key(UserName="seaway-bob")["AccessKey"]
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"])
    seen = whoami(Cloud.open(REGION))
    assert (seen.caller.account, seen.caller.arn, seen.caller.kind) == ("123456789012", made.arn, "user")
    assert (seen.caller.region, seen.untold) == (REGION, "")
    assert "rehearsal" in seen.caller.source
    assert seen.missing[Job.VIEWER] == ()
    assert seen.missing[Job.PROMOTER] == (
        "ecr:BatchCheckLayerAvailability",
        "ecr:InitiateLayerUpload",
        "ecr:UploadLayerPart",
        "ecr:CompleteLayerUpload",
        "ecr:PutImage",
        "kms:Sign",
    )
    assert "ec2:CreateVpc" in seen.missing[Job.DEPLOYER]
    assert "ec2:DescribeVpcs" not in seen.missing[Job.DEPLOYER]
    more = {"Effect": "Allow", "Action": ["ecr:*", "kms:Sign"], "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [more]})
    iam.put_user_policy(UserName="seaway-bob", PolicyName="more", PolicyDocument=document)
    assert whoami(Cloud.open(REGION)).missing[Job.PROMOTER] == ()
    iam.delete_user_policy(UserName="seaway-bob", PolicyName="more")
    gate.without = "iam:SimulatePrincipalPolicy"
    untold = whoami(Cloud.open(REGION))
    assert untold.missing == {}
    assert "not authorized to perform: iam:SimulatePrincipalPolicy" in untold.untold


@pytest.mark.usefixtures("rehearsal")
def test_where_the_emulator_does_not_say_what_one_may_do_that_is_told() -> None:
    seen = whoami(Cloud.open(REGION))
    assert seen.missing == {}
    assert "the emulator does not know this call" in seen.untold


def test_of_a_session_the_role_is_told_with_its_path(
    identities: Identities, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As access entries need it; the role's own policy lets it ask."""
    made = identities.create(CI, silent)
    sts = identities.cloud.sts
    session = sts.assume_role(RoleArn=made.arn, RoleSessionName="me")["Credentials"]
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", session["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", session["SecretAccessKey"])
    monkeypatch.setenv("AWS_SESSION_TOKEN", session["SessionToken"])
    cloud = Cloud.open(REGION)
    assert cloud.sts.get_caller_identity()["Arn"].endswith(":assumed-role/seaway-ci/me")
    assert principal_of(cloud) == made.arn == "arn:aws:iam::123456789012:role/seaway/seaway-ci"


@pytest.mark.parametrize(
    ("arn", "kind"),
    [
        ("arn:aws:iam::123456789012:root", "root"),
        ("arn:aws:sts::123456789012:federated-user/bob", "federated user"),
    ],
)
@pytest.mark.usefixtures("rehearsal")
def test_of_root_nothing_is_asked(monkeypatch: pytest.MonkeyPatch, arn: str, kind: str) -> None:
    cloud = Cloud.open(REGION)
    said: Any = {"Account": "123456789012", "Arn": arn, "UserId": "1"}
    monkeypatch.setattr(cloud.sts, "get_caller_identity", lambda: said)
    seen = whoami(cloud)
    assert (seen.caller.kind, seen.missing) == (kind, {})
    assert ("root of an account" in seen.untold) == (kind == "root")


def test_an_identity_goes_also_where_its_access_entries_cannot_be_seen(
    gate: Gate, identities: Identities, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the hands of somebody who administers IAM and nothing else; that the rest is left is told."""
    identities.create(CI, silent)
    iam: Any = identities.cloud.iam
    chief = {"UserName": "chief"}
    iam.create_user(**chief)
    document = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "iam:*", "Resource": "*"}],
    }
    iam.put_user_policy(**chief, PolicyName="iam", PolicyDocument=json.dumps(document))
    key = iam.create_access_key(**chief)["AccessKey"]
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"])
    with pytest.raises(Refused, match="the access entries of ci cannot be removed") as caught:
        Registrar(REGION).revoke("ci", silent)
    assert caught.value.where == "eks:ListClusters"
    assert identities.find("ci") is None
    iam.delete_access_key(**chief, AccessKeyId=key["AccessKeyId"])
    iam.delete_user_policy(**chief, PolicyName="iam")
    iam.delete_user(**chief)
    gate.forget()


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def seaway(identities: Identities, capfd: pytest.CaptureFixture[str]) -> Run:  # noqa: ARG001
    """The command, whose every run would else take a second to begin: status, answer, story."""

    def run(*words: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(["identity", *words, "--region", REGION])
        told = capfd.readouterr()
        return int(ended.value.code or 0), told.out, told.err

    return run


def test_as_people_and_scripts_type_it(seaway: Run, tmp_path: Path) -> None:
    """Nothing happens without a word; a key goes where it is told, and is never on the screen."""
    file = tmp_path / "aws-credentials-of-ci"
    words = ("bob", "--job", "promoter", "--user", "--to", f"file:{file}")
    status, _, refused = seaway("create", *words)
    assert status == 1
    assert "In AWS account 123456789012: user seaway-bob, which may do all that a promoter" in refused
    assert f"its key at file:{file}" in refused
    status, *made = seaway("create", *words, "--yes", "-o", "json")
    assert status == 0
    document = json.loads(made[0])
    (key,) = document["keys"]
    assert (document["kind"], document["job"], key["active"]) == ("user", "promoter", True)
    before = _file(file)
    assert before["aws_access_key_id"] == key["id"]
    assert file.stat().st_mode & 0o777 == 0o600
    _, *again = seaway("create", *words, "--yes", "-o", "json")
    assert json.loads(again[0])["keys"] == [key]

    assert seaway("rotate", "bob")[0] == 1
    status, _, wrong = seaway("rotate", "bob", "--soak", "soon", "--yes")
    assert (status, "'soon' is no duration" in wrong) == (2, True)
    _, *turned = seaway("rotate", "bob", "--soak", "1s", "--yes", "-o", "json")
    (fresh,) = json.loads(turned[0])["keys"]
    after = _file(file)
    assert after["aws_access_key_id"] == fresh["id"] != key["id"]

    listed = seaway("list")[1].splitlines()
    assert listed[0].split() == ["NAME", "KIND", "JOB", "REGION", "KEYS", "KEPT", "AT"]
    assert listed[1].startswith(f"bob   user  promoter  {REGION}  {fresh['id']} of ")
    assert json.loads(seaway("whoami", "-o", "json")[1])["account"] == "123456789012"
    assert (
        "may      not told: AWS does not say what this identity may do: NoSuchEntity" in seaway("whoami")[1]
    )
    assert seaway("revoke", "bob")[0] == 1
    _, *gone = seaway("revoke", "bob", "--yes")
    assert gone[0] == "identity bob can do nothing any more\n"
    assert f"a key that opens nothing is left at file:{file}" in gone[1]
    assert json.loads(seaway("revoke", "bob", "-o", "json")[1]) == {"revoked": "bob", "found": False}
    for secret in (before["aws_secret_access_key"], after["aws_secret_access_key"]):
        assert secret not in "".join([*made, *again, *turned, *gone])


def _file(path: Path) -> dict[str, str]:
    """Read a credentials file as SDKs do."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(path))
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.delenv(name)
        found = boto3.Session().get_credentials()
        assert found
        return {"aws_access_key_id": found.access_key, "aws_secret_access_key": found.secret_key}
