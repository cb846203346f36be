"""What importing the package costs and offers."""

import subprocess
import sys

import ragbastion.tenancy as tenancy

CHECK = """
import sys
from ragbastion.tenancy import ApiKeys, TenantContext
heavy = {"qdrant_client", "qdrant_edge", "grpc", "pydantic"} & set(sys.modules)
print(sorted(heavy))
"""


def test_every_name_is_importable() -> None:
    """`__all__` is what can be had."""
    assert [name for name in tenancy.__all__ if getattr(tenancy, name) is None] == []
    assert tenancy.__all__ == sorted(tenancy.__all__)


def test_identity_loads_no_store() -> None:
    """TenantContext and ApiKeys come without a vector database."""
    command = [sys.executable, "-c", CHECK]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
