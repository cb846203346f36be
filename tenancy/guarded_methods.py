"""Every public name of both Qdrant clients, and what the guarded clients do with it.

- INVARIANT: a name that is not in the table is refused; a test compares it with the installed
  clients, so a new release that adds a method is noticed and not let through.

The reasons are those of the leak matrix in ``docs/tenancy_client.md``.
"""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType


class Access(StrEnum):
    """What a guarded client does with a name of the client."""

    ENFORCED = "enforced"
    """Runs, confined to the context's tenant."""
    ADMIN = "admin"
    """Reaches the whole collection or server: for a context with ``admin`` only, and reported."""
    RAW = "raw"
    """Hands out an unguarded client or its parts: refused to all."""
    UNNEEDED = "unneeded"
    """Harmless, and not of a tenant's business: refused; use the class itself."""


_NAMES = {
    Access.ENFORCED: """batch_update_points clear_payload close collection_exists count delete
        delete_payload delete_vectors facet get_collection overwrite_payload query_batch_points
        query_points query_points_groups retrieve scroll search_matrix_offsets search_matrix_pairs
        set_payload update_vectors upload_collection upload_points upsert""",
    Access.ADMIN: """cluster_collection_update cluster_status cluster_telemetry
        collection_cluster_info create_collection create_full_snapshot create_payload_index
        create_shard_key create_shard_snapshot create_snapshot create_vector_name
        delete_collection delete_full_snapshot delete_payload_index delete_shard_key
        delete_shard_snapshot delete_snapshot delete_vector_name get_aliases
        get_collection_aliases get_collections get_optimizations info list_full_snapshots
        list_shard_keys list_shard_snapshots list_snapshots migrate recover_current_peer
        recover_shard_snapshot recover_snapshot recreate_collection remove_peer update_collection
        update_collection_aliases""",
    Access.RAW: "grpc_collections grpc_points http init_options",
    Access.UNNEEDED: """DEFAULT_BATCH_SIZE cloud_inference get_embedding_size list_image_models
        list_late_interaction_multimodal_models list_late_interaction_text_models
        list_sparse_models list_text_models local_inference_batch_size""",
}

METHODS = MappingProxyType(
    {name: access for access, names in _NAMES.items() for name in names.split()}
)
"""Each known public name with its access; what is missing here is refused."""

OWN_METHODS = ("restore_deleted", "soft_delete")
"""What the guarded clients have beside the client's names."""

_REASONS = {
    Access.ADMIN: "it reaches beyond one tenant; it needs the context of an administrator",
    Access.RAW: "it hands out an unguarded client",
    Access.UNNEEDED: "call it on QdrantClient itself",
}


def reason_of_refusal(name: str) -> str:
    """Return why a guarded client refuses the name."""
    access = METHODS.get(name)
    return "this version does not know it" if access is None else _REASONS[access]
