"""Settings come from file and environment, and every wrong value is named."""

from pathlib import Path

import pytest
from ragbastion.core.errors import SettingsError
from ragbastion.core.settings import Settings, load_settings


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_defaults_need_no_file() -> None:
    """Without file and variables the defaults hold."""
    assert load_settings() == Settings()


def test_environment_overrides_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable wins over the file, and the file over the default."""
    Path("ragbastion.toml").write_text("[retrieval]\ntop_k = 7\nsource_cap = 3\n")
    monkeypatch.setenv("RAGBASTION_RETRIEVAL__TOP_K", "9")
    settings = load_settings()
    assert (settings.retrieval.top_k, settings.retrieval.source_cap) == (9, 3)


def test_lists_are_comma_separated_in_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable for a list setting is split at commas."""
    monkeypatch.setenv("RAGBASTION_PROVENANCE__UNTRUSTED_SOURCES", "web-*, forum")
    assert load_settings().provenance.untrusted_sources == ("web-*", "forum")


def test_api_key_does_not_show() -> None:
    """A key in the settings never appears in their printed form."""
    settings = Settings().with_(api_key="hunter2-hunter2")
    assert "hunter2" not in repr(settings)


@pytest.mark.parametrize(
    ("variable", "value", "named"),
    [
        ("RAGBASTION_RETRIEVAL__TOP_K", "0", "retrieval.top_k"),
        ("RAGBASTION_RETRIEVAL__TOP_K", "many", "retrieval.top_k"),
        ("RAGBASTION_SCAN__THRESHOLD", "1.5", "scan.threshold"),
        ("RAGBASTION_TYPO", "1", "typo"),
        ("RAGBASTION_SCAN__TYPO", "1", "scan.typo"),
        ("RAGBASTION_RETRIEVAL__MIN_INTEGRITY", "fine", "retrieval.min_integrity"),
    ],
)
def test_wrong_variable_is_named(
    variable: str, value: str, named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bad or unknown variable is refused by the name of its setting."""
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError, match=named):
        load_settings()


@pytest.mark.parametrize("content", [b"[retrieval", b"\xff\xfe", b"unknown = 1"])
def test_wrong_file_is_refused(content: bytes) -> None:
    """A file that is not TOML, not UTF-8 or names unknown settings is refused."""
    Path("ragbastion.toml").write_bytes(content)
    with pytest.raises(SettingsError, match=r"ragbastion\.toml"):
        load_settings()


def test_named_file_must_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that RAGBASTION_CONFIG names and is not there is an error, not a default."""
    monkeypatch.setenv("RAGBASTION_CONFIG", "absent.toml")
    with pytest.raises(SettingsError, match="does not exist"):
        load_settings()


def test_overrides_are_checked() -> None:
    """Values given in code pass the same checks."""
    with pytest.raises(SettingsError, match="collection"):
        Settings().with_(collection=7)


def test_sections_that_may_be_left_out_are_read_from_variables(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Tokens are off until they are set; lists in such a section are split too."""
    assert Settings().identity.jwt is None
    for name, value in {
        "TRUST_DOMAIN": "example.org",
        "AUDIENCE": "ragbastion",
        "KEYS": "bundle.json",
        "PATH": "/{tenant}",
        "ROLES": "reader, writer",
    }.items():
        monkeypatch.setenv(f"RAGBASTION_IDENTITY__JWT_SVID__{name}", value)
    svids = load_settings().identity.jwt_svid
    assert svids is not None
    assert (svids.keys, svids.roles) == (Path("bundle.json"), ("reader", "writer"))


@pytest.mark.parametrize("name", ["ISSUER", "AUDIENCE", "KEYS"])
def test_half_a_token_setting_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An audience that was forgotten must not mean any audience."""
    for each in {"ISSUER", "AUDIENCE", "KEYS"} - {name}:
        monkeypatch.setenv(f"RAGBASTION_IDENTITY__JWT__{each}", "given")
    with pytest.raises(SettingsError, match=f"identity.jwt.{name.lower()}"):
        load_settings()


def test_tenant_changes_some_values(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tenant's section changes what it names; the rest, and the copy, keep the general values."""
    Path("ragbastion.toml").write_text(
        '[access]\ndefault_classification = 1\n[access.tenants.acme]\nunlabelled = "allow"\n'
    )
    monkeypatch.setenv("RAGBASTION_QUOTAS__TENANTS__ACME__POINTS_TOTAL", "7")
    settings = load_settings().with_(collection="other")
    acme, globex = settings.access.of("acme"), settings.access.of("globex")
    assert (acme.unlabelled, acme.default_classification) == ("allow", 1)
    assert (globex.unlabelled, globex.default_classification) == ("deny", 1)
    assert settings.quotas.of("acme").points_total == 7
    assert settings.quotas.of("globex").points_total == 5_000_000


def test_unknown_change_of_a_tenant_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A misspelt value in a tenant's section is an error, not a protection that is not there."""
    monkeypatch.setenv("RAGBASTION_ACCESS__TENANTS__ACME__UNLABELED", "deny")
    with pytest.raises(SettingsError, match=r"access\.tenants\.acme\.unlabeled"):
        load_settings()


def test_access_acts_for_tenants_that_enabled_it() -> None:
    """Elsewhere what is unlabelled is open, whatever the section says of it."""
    section = {"tenants": {"acme": {"enabled": True}, "globex": {"unlabelled": "deny"}}}
    acting = Settings.model_validate({"access": section}).access.where_enabled()
    terms = {name: acting.of(name) for name in ("acme", "globex", "other")}
    assert {name: each.unlabelled for name, each in terms.items()} == {
        "acme": "deny",
        "globex": "allow",
        "other": "allow",
    }
    assert [each.enabled for each in terms.values()] == [True, False, False]


def test_one_tenant_may_leave_access_disabled() -> None:
    """What is enabled for all can be left out for one."""
    section = {"enabled": True, "tenants": {"acme": {"enabled": False}}}
    acting = Settings.model_validate({"access": section}).access.where_enabled()
    assert (acting.of("acme").unlabelled, acting.of("globex").unlabelled) == ("allow", "deny")
