// A second implementation of docs/provenance_formats.md, version 2: it takes each chunk of a file
// of test vectors from its fields to the signature. Node's standard library only.
//
//     node check.mjs v2.json
//
// Prints how many chunks verify and exits 0, or says what does not and exits 1.
import { createHash, createPublicKey, verify } from "node:crypto";
import { readFileSync } from "node:fs";

const sha256 = (...parts) => parts.reduce((hash, part) => hash.update(part), createHash("sha256")).digest();
const u32 = (value) => { const bytes = Buffer.alloc(4); bytes.writeUInt32BE(value); return bytes; };
const u64 = (value) => { const bytes = Buffer.alloc(8); bytes.writeBigUInt64BE(BigInt(value)); return bytes; };
const behindLength = (value) => { const bytes = Buffer.from(value); return Buffer.concat([u32(bytes.length), bytes]); };

function equal(what, found, wanted) {
  if (found !== wanted) throw new Error(`${what}: ${found} is not ${wanted}`);
}

// RFC 8785: JavaScript's own forms, keys in the order of their UTF-16 units.
function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const fields = Object.keys(value).sort().map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`);
  return `{${fields.join(",")}}`;
}

// The grid point that the vector and the parities of the sketch lead to, and its digest.
function requireVector(vector, sketch, grid) {
  const size = vector.length;
  const norm = Math.hypot(...vector);
  const signedNorm = sketch.readFloatBE(0);
  if (Math.abs(norm - signedNorm) > 0.01 * signedNorm && Math.abs(norm - 1) > 0.01) throw new Error("another length");
  const point = Buffer.alloc(2 * size);
  vector.forEach((coordinate, at) => {
    const parity = (sketch[20 + (at >> 3)] >> (7 - (at & 7))) & 1;
    const steps = (coordinate / norm) * Math.sqrt(size) / 0.04;
    const nearest = parity + 2 * Math.round((steps - parity) / 2);
    equal(`grid ${at}`, nearest, grid[at]);
    point.writeInt16LE(nearest, 2 * at);
  });
  const digest = sha256("ragbastion/vector/v2\0", u32(size), point).subarray(0, 16);
  equal("vector digest", digest.toString("hex"), sketch.subarray(4, 20).toString("hex"));
}

function leafBytes(chunk, collectionUid, sketch) {
  const names = [collectionUid, chunk.tenant, chunk.source, chunk.document, chunk.documentDigest, chunk.id];
  return Buffer.concat([
    Buffer.from("ragbastion/chunk/v2\0"),
    ...names.map(behindLength),
    u64(chunk.position),
    sha256(chunk.text),
    behindLength(canonical(chunk.metadata)),
    behindLength(sketch),
  ]);
}

// RFC 9162, 2.1.3.2.
function rootFromPath(leaf, index, size, path) {
  let [node, last, result] = [index, size - 1, leaf];
  for (const sibling of path) {
    if (last === 0) throw new Error("the path is too long");
    if (node % 2 === 1 || node === last) {
      result = sha256(Buffer.from([1]), sibling, result);
      while (node % 2 === 0 && node > 0) [node, last] = [node >> 1, last >> 1];
    } else {
      result = sha256(Buffer.from([1]), result, sibling);
    }
    [node, last] = [node >> 1, last >> 1];
  }
  if (last !== 0) throw new Error("the path is too short");
  return result;
}

function readProof(payload) {
  const data = Buffer.from(payload, "base64");
  equal("proof version", data[0], 2);
  const hashes = data[21];
  const path = Array.from({ length: hashes }, (_, at) => data.subarray(22 + 32 * at, 54 + 32 * at));
  return {
    envelope: data.subarray(1, 17).toString("hex"),
    index: data.readUInt32BE(17),
    path,
    sketch: data.subarray(22 + 32 * hashes),
  };
}

// Returns the statement if the envelope's only signature is that of the key it names inside.
function openEnvelope(envelope) {
  equal("envelope id", sha256(envelope.json).toString("hex").slice(0, 32), envelope.id);
  const { payload, payloadType, signatures } = JSON.parse(envelope.json);
  equal("payload type", payloadType, "application/vnd.in-toto+json");
  equal("signatures", signatures.length, 1);
  const body = Buffer.from(payload, "base64");
  const signed = Buffer.concat([
    Buffer.from(`DSSEv1 ${payloadType.length} ${payloadType} ${body.length} `), body,
  ]);
  equal("signed bytes", signed.toString("hex"), envelope.signedBytes);
  const raw = Buffer.from(envelope.publicKey, "hex");
  const der = Buffer.concat([Buffer.from("302a300506032b6570032100", "hex"), raw]);
  const key = createPublicKey({ key: der, format: "der", type: "spki" });
  if (!verify(null, signed, key, Buffer.from(signatures[0].sig, "base64"))) throw new Error("the signature is bad");
  const statement = JSON.parse(body);
  equal("canonical payload", canonical(statement), body.toString());
  equal("key id", statement.predicate.keyId, sha256(raw).toString("hex"));
  equal("statement type", statement._type, "https://in-toto.io/Statement/v1");
  equal("predicate type", statement.predicateType, "urn:ragbastion:attestation:chunk-batch:v2");
  equal("leaf type", statement.predicate.leafType, "ragbastion/chunk/v2");
  return statement;
}

function check({ collectionUid, chunks, envelope }) {
  const statement = openEnvelope(envelope);
  const { predicate, subject } = statement;
  equal("collection", predicate.collectionUid, collectionUid);
  for (const chunk of chunks) {
    const proof = readProof(chunk.payload);
    equal("envelope of the proof", proof.envelope, envelope.id);
    equal("tenant", chunk.tenant, predicate.tenant);
    equal("source", chunk.source, predicate.source);
    equal("sketch", proof.sketch.toString("hex"), chunk.sketch);
    equal("metadata", Buffer.from(canonical(chunk.metadata)).toString("hex"), chunk.metadataBytes);
    equal("text", sha256(chunk.text).toString("hex"), chunk.textSha256);
    requireVector(chunk.vector, proof.sketch, chunk.grid);
    const bytes = leafBytes(chunk, collectionUid, proof.sketch);
    equal("leaf", bytes.toString("hex"), chunk.leafBytes);
    const leaf = sha256(Buffer.from([0]), bytes);
    equal("leaf hash", leaf.toString("hex"), chunk.leafHash);
    const root = rootFromPath(leaf, proof.index, predicate.treeSize, proof.path);
    equal("root", root.toString("hex"), subject[0].digest.sha256);
  }
  return chunks.length;
}

try {
  console.log(`${check(JSON.parse(readFileSync(process.argv[2], "utf8")))} chunks verify`);
} catch (error) {
  console.log(error.message);
  process.exit(1);
}
