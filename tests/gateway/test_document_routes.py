"""Document access over HTTP: labels come in, decide who reads, and are changed by who may."""

from collections.abc import Iterator
from typing import Any

import pytest
from ragbastion.gateway import create_app
from ragbastion.gateway.authentication import Authenticator
from ragbastion.retrieval_guard import Guard, GuardParts
from ragbastion.tenancy import ApiKeys, Attributes
from starlette.testclient import TestClient

from .conftest import ADMIN_KEY, Service, settings_in
from .test_data_routes import WordEmbedder

NAME = {"source": "wiki", "document": "api.jsonl#plan"}
SALES = Attributes(groups=["sales"], clearance=1)


class Office:
    """A service with access enabled, and a key for each of its people."""

    def __init__(self, service: Service, keys: ApiKeys) -> None:
        self.service = service
        self.keys = {
            "ann": keys.create(
                tenant="acme",
                principal="ann",
                roles=["ingest", "support"],
                attributes=Attributes(clearance=2),
            ),
            "bob": keys.create(tenant="acme", principal="bob", roles=["support"], attributes=SALES),
            "eve": keys.create(tenant="acme", principal="eve", roles=["support"]),
            "cy": keys.create(
                tenant="acme",
                principal="cy",
                roles=["support", "curator"],
                attributes=Attributes(clearance=3),
            ),
            "admin": ADMIN_KEY,
        }

    def post(self, who: str, path: str, **body: Any) -> Any:
        """Send a body with somebody's key."""
        return self.service.client(self.keys[who]).post(f"/v1/{path}", json=body)

    def add(self, who: str = "ann", text: str = "The plan of the harbour.", **body: Any) -> Any:
        """Ingest the document that the tests are about."""
        documents = [{"id": "plan", "text": text}]
        return self.post(who, "ingest", source="wiki", documents=documents, **body)

    def reads(self, who: str, **body: Any) -> list[str]:
        """Return what a query gives somebody."""
        answer = self.post(who, "retrieve", query="plan of the harbour", **body)
        assert answer.status_code == 200, answer.text
        return [chunk["document"] for chunk in answer.json()["chunks"]]


def made(folder: Any, **sections: Any) -> Iterator[Office]:
    """Serve by settings."""
    settings = settings_in(folder).with_(**sections)
    keys = ApiKeys(settings.state_dir / "api_keys.db")
    with Guard.from_settings(settings, GuardParts(embedder=WordEmbedder())) as guard:
        app = create_app(guard, Authenticator(keys, ADMIN_KEY), settings)
        service = Service(app=app, guard=guard, keys=keys, reader="", ingester="", other="")
        yield Office(service, keys)
    keys.close()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """A service whose models load once."""
    yield from made(tmp_path_factory.mktemp("office"), access={"enabled": True})


@pytest.fixture
def office(shared: Office) -> Office:
    """The service with the document as it was first: ann's, and open to sales."""
    shared.post("cy", "documents/restore", **NAME)
    label = {"groups": ["sales"], "classification": 1}
    first = shared.add(label=label)
    assert first.status_code == 200
    if first.json()["unchanged"]:
        shared.post("cy", "documents/label", **NAME, label={"owner": "ann", **label})
    return shared


def test_a_label_decides_who_reads(office: Office) -> None:
    """Owner and group read; who is in neither gets an empty answer that tells nothing."""
    assert office.reads("ann") == office.reads("bob") == [NAME["document"]]
    answer = office.post("eve", "retrieve", query="plan of the harbour").json()
    assert (answer["chunks"], answer["dropped"], answer["context"]) == ([], [], "")


def test_an_admin_key_names_attributes(office: Office) -> None:
    """Whom an administrator's key speaks for reads by the groups and clearance it names."""
    user = {"tenant": "acme", "principal": "zoe", "roles": ["support"]}
    assert office.reads("admin", **user, groups=["sales"], clearance=1) == [NAME["document"]]
    assert office.reads("admin", **user, groups=["sales"]) == []
    assert office.reads("admin", **user, department="law", clearance=3) == []


@pytest.mark.parametrize(
    "claim", [{"groups": ["board"]}, {"department": "law"}, {"clearance": 2}], ids=str
)
def test_a_tenants_key_claims_no_more_than_its_own(office: Office, claim: dict[str, Any]) -> None:
    """Another group, department or a higher clearance is 403."""
    answer = office.post("bob", "retrieve", query="plan", **claim)
    assert (answer.status_code, answer.json()["error"]["type"]) == (403, "AccessError")


def test_a_tenants_key_may_take_less(office: Office) -> None:
    """A body that gives up groups or clearance reads less."""
    assert office.reads("bob", groups=["sales"], clearance=1) == [NAME["document"]]
    assert office.reads("bob", groups=[]) == office.reads("bob", clearance=0) == []


def test_a_document_is_deleted_and_restored(office: Office) -> None:
    """Its owner deletes it, a curator restores it."""
    assert office.post("ann", "documents/delete", **NAME).json() == {**NAME, "points": 1}
    assert office.reads("ann") == []
    assert office.post("ann", "documents/restore", **NAME).status_code == 403
    assert office.post("cy", "documents/restore", **NAME).json() == {**NAME, "points": 1}
    assert office.reads("bob") == [NAME["document"]]


def test_who_may_not_change_learns_nothing(office: Office) -> None:
    """A document of others and one that is not there are one answer."""
    refused = [
        office.post("bob", "documents/delete", source="wiki", document=name)
        for name in (NAME["document"], "api.jsonl#none")
    ]
    assert [answer.status_code for answer in refused] == [403, 403]
    assert refused[0].text == refused[1].text
    assert office.reads("bob") == [NAME["document"]]


def test_a_label_is_changed(office: Office) -> None:
    """The owner opens the document to others; a reader cannot."""
    answer = office.post("ann", "documents/label", **NAME, label={"users": ["eve"]})
    assert answer.json()["points"] == 1
    assert office.reads("eve") == []  # its classification stayed 1
    lower = office.post("ann", "documents/label", **NAME, label={"classification": 0})
    assert lower.status_code == 403
    office.post("cy", "documents/label", **NAME, label={"users": ["eve"], "classification": 0})
    assert office.reads("eve") == [NAME["document"]]


@pytest.mark.parametrize(
    ("label", "status"),
    [
        ({"classification": 4}, 422),
        ({"classification": "1"}, 422),
        ({"classification": True}, 422),
        ({"users": "eve"}, 422),
        ({"users": ["e\u200bve"]}, 400),
        ({"group": ["sales"]}, 422),
        ({"deleted_at": 0}, 422),
    ],
    ids=str,
)
def test_a_wrong_label_is_refused(office: Office, label: dict[str, Any], status: int) -> None:
    """A mistake in a label stops the request; nothing is ingested without one instead."""
    assert office.add(text="Another plan.", label=label).status_code == status
    assert office.post("ann", "documents/label", **NAME, label=label).status_code == status


def test_a_file_comes_in_with_a_label(office: Office) -> None:
    """The query of a file upload names its label."""
    client: TestClient = office.service.client(office.keys["ann"])
    upload = {"name": "tide.txt", "source": "wiki", "users": ["eve"], "classification": 0}
    report = client.post("/v1/ingest/file", params=upload, content=b"The tide of the harbour.")
    assert report.json()["ingested"] == 1
    assert office.reads("eve") == ["tide.txt"]
    office.post("ann", "documents/delete", source="wiki", document="tide.txt")


def test_used_up_calls_are_429(tmp_path: Any) -> None:
    """The answer says in a header when to come back."""
    for office in made(tmp_path, quotas={"calls_per_minute": 1}):
        office.add()
        answer = office.post("bob", "retrieve", query="plan")
        assert (answer.status_code, answer.json()["error"]["type"]) == (429, "QuotaError")
        assert 1 <= int(answer.headers["Retry-After"]) <= 60


def test_used_up_points_are_429_without_a_time(tmp_path: Any) -> None:
    """Where waiting does not help, no time is named."""
    for office in made(tmp_path, quotas={"points_total": 0}):
        answer = office.add()
        assert (answer.status_code, "Retry-After" in answer.headers) == (429, False)
