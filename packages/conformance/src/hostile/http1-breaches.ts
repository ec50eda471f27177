const status = "HTTP/1.1 200 OK\r\n";
const chunked = `${status}transfer-encoding: chunked\r\n\r\n`;
const withField = (field: string): string => `${status}${field}\r\ncontent-length: 2\r\n\r\nok`;

/** What no server may answer (RFC 9112), by name, byte for byte. */
export const http1Breaches: Readonly<Record<string, string>> = {
  "no HTTP": "this is not HTTP\r\n\r\n",
  "a length and chunks": `${status}content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n`,
  "two lengths": `${status}content-length: 2\r\ncontent-length: 3\r\n\r\nok!`,
  "a signed length": `${status}content-length: +2\r\n\r\nok`,
  "a negative length": `${status}content-length: -1\r\n\r\nok`,
  "a length beyond 2^64": `${status}content-length: 18446744073709551618\r\n\r\nok`,
  "a list of lengths": `${status}content-length: 2, 2\r\n\r\nok`,
  "an unknown transfer coding": `${status}transfer-encoding: xchunked\r\n\r\nok`,
  "chunks that are coded again": `${status}transfer-encoding: chunked, gzip\r\n\r\n2\r\nok\r\n0\r\n\r\n`,
  "lines that end with LF alone": "HTTP/1.1 200 OK\ncontent-length: 2\n\nok",
  "a chunk size that is no number": `${chunked}zz\r\nok\r\n0\r\n\r\n`,
  "a chunk size with a prefix": `${chunked}0x2\r\nok\r\n0\r\n\r\n`,
  "a chunk size beyond 2^64": `${chunked}10000000000000002\r\nok\r\n0\r\n\r\n`,
  "a chunk that is longer than its size": `${chunked}2\r\nokay\r\n0\r\n\r\n`,
  "a bare CR in a value": withField("a: b\rc"),
  "NUL in a value": withField("a: b\0c"),
  "a folded field": withField("a: b\r\n c"),
  "a space before the colon": withField("a : b"),
  "a field without a colon": withField("abc"),
  "a field without a name": withField(": b"),
  "a status below 100": "HTTP/1.1 099 No\r\ncontent-length: 2\r\n\r\nok",
  "a status above 599": "HTTP/1.1 999 No\r\ncontent-length: 2\r\n\r\nok",
  "a status of four digits": "HTTP/1.1 2000 OK\r\ncontent-length: 2\r\n\r\nok",
  "a switch of protocols": "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: other\r\n\r\n",
  "interim heads without end": "HTTP/1.1 103 Early Hints\r\n\r\n".repeat(100),
  "a head that is too long": withField(`a: ${"b".repeat(200_000)}`),
};
