"""`seaway image key`, `sign`, `verify` and `attest`: who vouches for an image, and for what."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from seaway.cli.options import FILE, File, Format, On, Output, Token
from seaway.cli.story import Story, emit, emit_json, emit_table, next_commands

if TYPE_CHECKING:
    from seaway.model.names import Digest, ImageRef
    from seaway.rooms.images.keyless import Author, Witness
    from seaway.rooms.images.shelf import Shelf

Images = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[SERVICE|IMAGE]...", help="Services, or whole names of images; default: all services."
    ),
]
Name = Annotated[str, typer.Argument(metavar="[NAME]", help="The files are NAME.key and NAME.pub.")]
Key = Annotated[
    str,
    typer.Option(
        "--key",
        "-k",
        metavar="KEY",
        help="The private key that signs: a file, awskms:///alias/NAME, or keyless.",
    ),
]
Keys = Annotated[
    list[str] | None,
    typer.Option(
        "--key", "-k", metavar="KEY", help="A public key, or awskms:///alias/NAME; each must have signed."
    ),
]
Who = Annotated[
    str,
    typer.Option("--identity", metavar="ID", help="Who must have signed without a key, with --issuer."),
]
Issuer = Annotated[
    str, typer.Option("--issuer", metavar="URL", help="The issuer of OpenID Connect that knows them.")
]
Trust = Annotated[
    Path | None,
    typer.Option(
        "--trust", metavar="FILE", help="The trusted root of your own Sigstore; default: the public one."
    ),
]
Type = Annotated[
    str,
    typer.Option(
        "--type", metavar="TYPE", help="tests, approval, sbom, provenance, vulns, or an address (URI)."
    ),
]
Predicate = Annotated[
    Path | None,
    typer.Option(
        "--predicate", metavar="FILE", help="What is said, as JSON; without it who says it, and when."
    ),
]


def key(name: Name = "seaway", output: Output = Format.TEXT) -> None:
    """Make a key pair that signs images: NAME.key stays secret, NAME.pub is for everybody.

    The private key is encrypted where SEAWAY_KEY_PASSWORD is set, which then is needed to sign.

    For example:
      seaway image key release
    """
    from seaway.model.secret import Secret  # noqa: PLC0415
    from seaway.rooms.images.keys import PASSWORD, make_pair  # noqa: PLC0415

    password = os.environ.get(PASSWORD)
    private, public = make_pair(Path(name), Secret(password) if password else None)
    if output is Format.JSON:
        emit_json({"private": str(private), "public": str(public), "encrypted": bool(password)})
        return
    emit(f"{private} signs: keep it out of the repository", f"{public} verifies: give it to everybody")
    next_commands((f"seaway image sign --key {private}", "sign the images of what the folders hold now"))


def sign(
    key: Key,
    images: Images = None,
    *,
    identity_token: Token = None,
    on: On = "",
    file: File = FILE,
    output: Output = Format.TEXT,
) -> None:
    """Sign images where they lie, so that `seaway image verify` and cosign accept them.

    `--key keyless` signs by an identity token of the CI and makes a public record of it (Sigstore);
    `--key keyless:FILE` does it at a Sigstore of your own.

    For example:
      seaway image sign --key release.key
      seaway image sign users --key release.key --on rehearsal
      seaway image sign --key awskms:///alias/release
      seaway image sign --key keyless
    """
    from seaway.app.keys import signer as signer_of  # noqa: PLC0415
    from seaway.rooms.images.signatures import sign as sign_image  # noqa: PLC0415

    signer, rows = signer_of(key, identity_token), list[dict[str, Any]]()
    with Story() as story:
        for name, shelf, digest in _found(images, on, file):
            fresh = sign_image(shelf, digest, signer)
            story.note(f"{name}: {'signed' if fresh else 'was signed so already'}")
            rows.append({"name": name, "image": f"{shelf}@{digest}", "signed": fresh})
    if output is Format.JSON:
        emit_json(rows)
        return
    emit_table(("name", "image"), [(row["name"], row["image"]) for row in rows])
    ours, cosigns = _verifying(key, signer)
    next_commands(
        (f"seaway image verify {ours}", "see that they are signed"),
        (f"cosign verify {cosigns} IMAGE", "the same, with cosign"),
    )


def _verifying(key: str, signer: Author) -> tuple[str, str]:
    """Give the options that verify what was signed so: Seaway's, and cosign's."""
    from seaway.rooms.images.keyless import Keyless  # noqa: PLC0415
    from seaway.rooms.images.kinds import KMS  # noqa: PLC0415

    if isinstance(signer, Keyless):
        who, (_, _, file) = signer.public, key.partition(":")
        trust = (f" --trust {file}", " --trusted-root TRUSTED_ROOT") if file else ("", "")
        return (
            f"--identity {who.who} --issuer {who.issuer}{trust[0]}",
            f"--certificate-identity {who.who} --certificate-oidc-issuer {who.issuer}{trust[1]}",
        )
    public = key if key.startswith(KMS) else Path(key).with_suffix(".pub")
    return f"--key {public}", f"--key {public} --insecure-ignore-tlog"


def verify(
    images: Images = None,
    *,
    key: Keys = None,
    identity: Who = "",
    issuer: Issuer = "",
    trust: Trust = None,
    on: On = "",
    file: File = FILE,
    output: Output = Format.TEXT,
) -> None:
    """See that images are signed by every one of the keys, by Seaway or by cosign; else it fails.

    Who signs without a key is told by an identity, exactly as it is in the certificate, and its issuer.

    For example:
      seaway image verify --key release.pub
      seaway image verify registry.example.com/thoughts/users:v1 --key release.pub
      seaway image verify --identity release@example.com --issuer https://accounts.example.com
    """
    from seaway.errors import Refused  # noqa: PLC0415
    from seaway.rooms.images.signatures import signatures  # noqa: PLC0415

    keys, rows, missing = _witnesses(key or (), identity, issuer, trust), list[dict[str, Any]](), list[str]()
    for name, shelf, digest in _found(images, on, file):
        found = signatures(shelf, digest, keys)
        missing += [f"{name}: {k.name}" for k in keys if k not in [each.by for each in found]]
        told = [{"by": each.by.name, "form": each.form} for each in found]
        rows.append({"name": name, "image": f"{shelf}@{digest}", "signatures": told})
    if missing:
        raise Refused(
            "not every image is signed by every key", why="no signature by: " + "; ".join(missing),
            remedy="seaway image sign --key FILE, by whoever has the private key or the identity",
        )  # fmt: skip
    if output is Format.JSON:
        emit_json(rows)
        return
    emit_table(
        ("name", "image", "signed by"),
        [
            (row["name"], row["image"], ", ".join(dict.fromkeys(s["by"] for s in row["signatures"])))
            for row in rows
        ],
    )


def attest(
    key: Key,
    type: Type,  # noqa: A002  (the option's name)
    images: Images = None,
    *,
    predicate: Predicate = None,
    identity_token: Token = None,
    on: On = "",
    file: File = FILE,
    output: Output = Format.TEXT,
) -> None:
    """Vouch for images: what a team's CI found out about them, or that somebody approves them, signed.

    A result of tests is JSON with "result": "PASSED" (in-toto's test-result).

    For example:
      seaway image attest users --type tests --predicate result.json --key ci.key
      seaway image attest --type approval --key lead.key
    """
    from seaway.app.keys import signer as signer_of  # noqa: PLC0415
    from seaway.rooms.images.attest import attest as attest_image  # noqa: PLC0415

    signer, kind, said, rows = signer_of(key, identity_token), _kind(type), _said(predicate), []
    for name, shelf, digest in _found(images, on, file):
        referrer = attest_image(shelf, digest, kind, said, signer)
        rows.append({"name": name, "image": f"{shelf}@{digest}", "type": kind, "attestation": str(referrer)})
    if output is Format.JSON:
        emit_json(rows)
        return
    emit_table(("name", "image", "type"), [(row["name"], row["image"], row["type"]) for row in rows])


COMMANDS: Final = (key, sign, verify, attest)


def _witnesses(keys: Iterable[str], who: str, issuer: str, trust: Path | None) -> list[Witness]:
    """Give all of whom signatures are asked for."""
    from seaway.app.keys import identity, verifier  # noqa: PLC0415
    from seaway.errors import UsageError  # noqa: PLC0415

    found: list[Witness] = [verifier(name) for name in keys]
    if bool(who) != bool(issuer):
        raise UsageError(
            "an identity and its issuer go together", where="--identity, --issuer",
            why="without its issuer, any other could claim the identity", remedy="give both of them",
        )  # fmt: skip
    if who:
        found.append(identity(who, issuer, trust))
    if not found:
        raise UsageError(
            "nobody is named who must have signed", remedy="--key FILE, or --identity ID --issuer URL"
        )
    return found


def _kind(word: str) -> str:
    from seaway.errors import UsageError  # noqa: PLC0415
    from seaway.model.wrong import Wrong  # noqa: PLC0415
    from seaway.rooms.images.kinds import predicate_type  # noqa: PLC0415

    try:
        return predicate_type(word)
    except Wrong as error:
        raise UsageError(error.why, where="--type", remedy=error.remedy) from error


def _said(path: Path | None) -> Any:
    from seaway.errors import UsageError  # noqa: PLC0415

    if path is None:
        return None
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise UsageError(
            f"{path} cannot be read as JSON", why=str(error), remedy="--predicate FILE"
        ) from error


def _found(images: list[str] | None, on: str, file: Path) -> list[tuple[str, Shelf, Digest]]:
    """Find the images that are meant: whole names, and by service those of what the folders hold now."""
    from seaway.app import images as house  # noqa: PLC0415
    from seaway.flow.load import load  # noqa: PLC0415
    from seaway.rooms.images.shelf import Shelf  # noqa: PLC0415

    refs = {name: _parsed(name) for name in images or () if "/" in name}
    services = [name for name in images or () if "/" not in name]
    if services or not refs:
        refs |= house.image_names(load(file), on, services)
    found = []
    for name, image in refs.items():
        shelf = Shelf.of(
            image, "see that this machine reaches the registry; seaway cluster create starts a local one"
        )
        found.append((name, shelf, shelf.find(image)))
    return found


def _parsed(name: str) -> ImageRef:
    from seaway.errors import UsageError  # noqa: PLC0415
    from seaway.model.names import ImageRef  # noqa: PLC0415

    try:
        image = ImageRef.parse(name)
    except ValueError as error:
        raise UsageError(
            f"{name} is no whole name of an image", why=str(error),
            remedy="such as registry.example.com/thoughts/users:v1",
        ) from error  # fmt: skip
    return image if image.tag or image.digest else ImageRef(image.registry, image.repository, "latest")
