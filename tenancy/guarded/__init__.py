"""The guarded Qdrant clients: what each method may do for one tenant, written once for both.

- ``reading``, ``querying``, ``facets``, ``matrix``, ``writing``, ``uploading``, ``vectors``,
  ``payloads``, ``batch``, ``collections``: a generator for each enforced method. It yields the
  `calls.ClientCall` that it wants made and receives its result; it makes no call itself.
- ``driving``: runs these generators on a `QdrantClient` or an `AsyncQdrantClient`.
- ``client``, ``async_client``: the public classes, one line for each method.

- INVARIANT: no client is reachable from a generator, so nothing is asked of it past the drivers.
"""
