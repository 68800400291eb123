"""The contacts of units and supervisors: a file of the installation's owner alone, for its channels hold secrets.

It is read anew each time, so that whoever keeps it restarts nothing.
"""

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from fundpool.adapters.watch.channels import channels_at
from fundpool.domain.errors import InputError
from fundpool.domain.notices import SUPERVISOR, Recipient
from fundpool.domain.policy import PolicyLibrary
from fundpool.private_files import read_private
from fundpool.services.ports.notices import Contact
from fundpool.settings import Settings

CONTACTS_FILE = "contacts.toml"

_TEXTS = ("person", "telephone")


def contacts_of(settings: Settings, policies: PolicyLibrary) -> Mapping[Recipient, Contact]:
    """Every contact of the file; none without one.

    Raises InputError ``contacts_unusable`` for what cannot be read, an unknown city or unit, or another field, and
    ``notify_url_unusable`` for a channel that nobody knows.
    """
    file = settings.contacts or settings.home / CONTACTS_FILE
    content = read_private(file)
    if content is None:
        return {}
    try:
        cities = tomllib.loads(content.decode())
    except ValueError as error:
        raise _unusable(file, str(error)) from error
    return dict(_contacts(settings, policies, cities, file=file))


def _contacts(
    settings: Settings, policies: PolicyLibrary, cities: Mapping[str, Any], *, file: Path
) -> Iterator[tuple[Recipient, Contact]]:
    for key, units in cities.items():
        policy = policies.city(key)
        known = {SUPERVISOR, *policy.actors, *(unit.code for unit in policy.units)}
        for unit, fields in units.items() if isinstance(units, dict) else [(key, units)]:
            place = f"[{key}.{unit}]"
            if unit not in known:
                raise _unusable(file, f"{place}: {' | '.join(sorted(known))}")
            yield Recipient(key, unit), _contact(settings, fields, file=file, place=place)


def _contact(settings: Settings, fields: Any, *, file: Path, place: str) -> Contact:
    if not isinstance(fields, dict) or fields.keys() - {*_TEXTS, "channels"}:
        raise _unusable(file, f"{place}: person, telephone, channels")
    channels = fields.get("channels", [])
    texts = {name: fields.get(name, "") for name in _TEXTS}
    if not isinstance(channels, list) or not all(
        isinstance(each, str) for each in (*texts.values(), *channels)
    ):
        raise _unusable(file, f'{place}: person = "…", telephone = "…", channels = ["…"]')
    return Contact(**texts, channels=tuple(channels_at(settings, channels, f"{file} {place}")))


def _unusable(file: Path, what: str) -> InputError:
    return InputError(
        "contacts_unusable",
        f"联系人文件 {file} 不能用：{what}",
        f"the contacts in {file} cannot be used: {what}",
        remedy="docs/alarms.md",
    )
