"""Decodes framed Avro with fastavro, which knows nothing of the bridge or of its libraries.

Standard input: {"registry": address, "values": [Base64, ...]}. Standard output: one JSON array of
{"schemaId", "schema", "value"}; times as milliseconds since 1970.
"""

import base64
import datetime
import io
import json
import struct
import sys
import urllib.request

try:
    import fastavro
except ImportError:
    sys.exit("fastavro is missing, the tests' independent decoder: pip install fastavro")

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
MILLISECOND = datetime.timedelta(milliseconds=1)
schemas = {}


def schema_of(registry, schema_id):
    if schema_id not in schemas:
        with urllib.request.urlopen(f"{registry}/schemas/ids/{schema_id}", timeout=20) as answer:
            schemas[schema_id] = fastavro.parse_schema(json.loads(json.load(answer)["schema"]))
    return schemas[schema_id]


def decode(registry, value):
    magic, schema_id = struct.unpack(">bI", value[:5])
    if magic != 0:
        raise ValueError(f"the magic byte is {magic}")
    schema = schema_of(registry, schema_id)
    avro = io.BytesIO(value[5:])
    decoded = fastavro.schemaless_reader(avro, schema, None)
    if avro.read(1):
        raise ValueError("there are bytes behind the record")
    return {"schemaId": schema_id, "schema": schema["name"], "value": decoded}


def to_json(value):
    if isinstance(value, datetime.datetime):
        return (value - EPOCH) // MILLISECOND
    raise TypeError(f"no JSON for {type(value)}")


request = json.load(sys.stdin)
decoded = [decode(request["registry"], base64.b64decode(value)) for value in request["values"]]
json.dump(decoded, sys.stdout, default=to_json)
