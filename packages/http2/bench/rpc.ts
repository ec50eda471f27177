/** `rpc bench.Bench/Get(Empty) returns (StringValue)`, written by hand: it needs no generated code. */
import { create, createFileRegistry, fromBinary, toBinary } from "@bufbuild/protobuf";
import type { GenService } from "@bufbuild/protobuf/codegenv2";
import {
  type EmptySchema,
  FileDescriptorProtoSchema,
  file_google_protobuf_empty,
  file_google_protobuf_wrappers,
  StringValueSchema,
} from "@bufbuild/protobuf/wkt";

const dependencies = [file_google_protobuf_empty, file_google_protobuf_wrappers];
const file = create(FileDescriptorProtoSchema, {
  name: "bench.proto",
  package: "bench",
  syntax: "proto3",
  dependency: dependencies.map(({ proto }) => proto.name),
  service: [
    {
      name: "Bench",
      method: [{ name: "Get", inputType: ".google.protobuf.Empty", outputType: ".google.protobuf.StringValue" }],
    },
  ],
});

/** The service, for Connect. */
export const benchService = createFileRegistry(file, (name) =>
  dependencies.find(({ proto }) => proto.name === name),
).getService("bench.Bench") as GenService<{
  get: { methodKind: "unary"; input: typeof EmptySchema; output: typeof StringValueSchema };
}>;

/** The path of the call on the wire. */
export const getPath = "/bench.Bench/Get";

/** The answer as protobuf. */
export function encodeAnswer(value: string): Uint8Array {
  return toBinary(StringValueSchema, create(StringValueSchema, { value }));
}

/** The text of an answer. */
export function decodeAnswer(bytes: Uint8Array): string {
  return fromBinary(StringValueSchema, bytes).value;
}
