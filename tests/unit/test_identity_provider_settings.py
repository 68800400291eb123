"""Which settings of an identity provider can be used."""

from pathlib import Path
from typing import Any

import pytest

from fundpool import bootstrap
from fundpool.adapters.keys.identity_provider import OidcProvider
from fundpool.bootstrap import identity_provider
from fundpool.domain.errors import InputError
from fundpool.settings import Settings

CLIENT, SECRET = "fundpool", "s3cret/with+signs"
GIVEN = {
    "oidc_issuer": "https://login.example.cn/realm",
    "oidc_client_id": CLIENT,
    "oidc_client_secret": SECRET,
}


@pytest.mark.parametrize(
    "given",
    [
        {"oidc_issuer": "http://login.example.cn"},
        {"oidc_issuer": "https://user:password@login.example.cn"},
        {"oidc_issuer": "https://login.example.cn?tenant=1"},
        {"oidc_issuer": "login.example.cn"},
        {"oidc_issuer": "https://[broken"},
        {"oidc_client_id": None},
        {"oidc_client_secret": None},
        {"oidc_claim": ""},
    ],
)
def test_settings_that_cannot_be_used_are_refused(given: dict[str, Any]) -> None:
    with pytest.raises(InputError) as error:
        Settings(**GIVEN | given)
    assert error.value.code == "bad_settings"
    assert SECRET not in str(error.value)


def test_the_secret_may_lie_in_a_file_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "secret"
    file.touch(mode=0o600)
    file.write_text(SECRET, encoding="utf-8")
    monkeypatch.setenv("FUNDPOOL_OIDC_CLIENT_SECRET_FILE", str(file))
    settings = Settings(oidc_issuer=GIVEN["oidc_issuer"], oidc_client_id=CLIENT)
    provider = identity_provider(settings)
    assert isinstance(provider, OidcProvider)
    assert SECRET not in repr(settings) + repr(provider)
    assert identity_provider(Settings()) is None


def test_without_the_extra_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "find_spec", lambda _name: None)
    with pytest.raises(InputError) as error:
        identity_provider(Settings(**GIVEN))
    assert error.value.code == "oidc_missing"
    assert "make oidc" in str(error.value.remedy)
