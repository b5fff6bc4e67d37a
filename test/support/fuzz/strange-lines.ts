// Lines of requests that no sender should send. All texts are bytes: one character for each (latin1).

export const path = "/callback";

/** Nothing strange: they change nothing. */
export const otherHeaders = [
  "Content-Type: application/json",
  "Content-Type: ///",
  "Content-Type: text/plain; charset=utf-7",
  "Accept: */*",
  "Content-Encoding: identity",
  "X-Forwarded-For: 127.0.0.1",
  "Cookie: a=b",
  "TE: trailers",
  "Date: never",
  "Keep-Alive: timeout=0",
  "Upgrade-Insecure-Requests: 1",
];

/** Of a body. */
export const wrongLengths = [
  "-1",
  "+2",
  "0x10",
  "1e3",
  "",
  " ",
  "2 2",
  "2,2",
  "9".repeat(30),
  "18446744073709551616",
  "4294967296",
  "\t3",
  "3;",
  "NaN",
  "00000000000000000000000000000001",
  "\xb2",
];

/** In front of a chunk. */
export const chunkSizes = [
  "-1",
  "0x5",
  "g",
  "",
  " ",
  "5 ",
  " 5",
  "ffffffffffffffff",
  "10000000000000000",
  "7fffffff",
  "+5",
  "5;",
  "5;a",
  `5;${"e".repeat(20_000)}`,
  "5\0",
  "5\n",
  "00000000000000000005",
];

/** Of a transfer. */
export const codings = [
  "chunked",
  "Chunked",
  " chunked",
  "identity",
  "gzip, chunked",
  "chunked, chunked",
  "chunked, identity",
  "xchunked",
  "chunked;q=1",
  "\x0bchunked",
  "chunked\0",
  "",
  '"chunked"',
  "chun\r\n ked",
];

/** No request, or one that may be understood in two ways. */
export const requestLines = [
  `POST ${path}`,
  `POST ${path} HTTP/0.9`,
  `POST ${path} HTTP/1.0`,
  `POST ${path} HTTP/2.0`,
  `POST ${path} HTTP/1.`,
  `POST ${path} HTTP/9.9`,
  `POST ${path} http/1.1`,
  `POST  ${path}  HTTP/1.1`,

  `post ${path} HTTP/1.1`,
  `POST\t${path}\tHTTP/1.1`,
  ` POST ${path} HTTP/1.1`,
  "POST * HTTP/1.1",
  "",
  "\r\n",
  "POST http://bridge/callback HTTP/1.1",
  "POST https://other:1/callback HTTP/1.1",
  "POST // HTTP/1.1",
  "CONNECT bridge:80 HTTP/1.1",
  "CONNECT /callback HTTP/1.1",
  "PRI * HTTP/2.0",
  "OPTIONS * HTTP/1.1",

  `HEAD ${path} HTTP/1.1`,
  `TRACE ${path} HTTP/1.1`,
  `POST ${path}%00 HTTP/1.1`,
  `POST ${path}%zz HTTP/1.1`,

  `POST ${path}\0 HTTP/1.1`,
  `POST ${path}\xff HTTP/1.1`,
  `POST ${path}#x HTTP/1.1`,
  "POST /%63allback HTTP/1.1",

  `POST ${path}/../callback HTTP/1.1`,
  `POST ${path}; HTTP/1.1`,
  `POST ${path}?${"a=b&".repeat(3000)} HTTP/1.1`,
  `POST ${path}?%ff=%fe&%= HTTP/1.1`,
  `POST ${path}/${"t".repeat(5000)} HTTP/1.1`,
  "HTTP/1.1 200 OK",
];

/** Likewise, one or two lines. */
export const headerLines = [
  "Expect: 100-continue",
  "Expect: wonders",
  "Upgrade: websocket",
  "Upgrade: h2c",
  "Connection: upgrade",

  "Connection: keep-alive, close",
  "Connection: x-tsign-open-signature",
  "Content-Encoding: gzip, identity",

  "X: a\r\n b",
  "X: a\r b",
  "X: a\n b",
  "X\0: a",
  "X: \0",
  "X: \x01",
  ": no name",
  "no colon",
  " : ",
  "X\xff: \xff",

  "X-Tsign-Open-Signature : x",
  "__proto__: x",
  "constructor: x",
  "Host: other",
  "Host: a\r\nHost: b",
  "Trailer: X",

  "X-HTTP-Method-Override: GET",
  "Content-Type: multipart/form-data; boundary=x",
  "Content-Range: bytes 0-0/1",
  "Proxy-Connection: close",
  "HTTP2-Settings: AAMAAABkAAQAAP__",
  "Sec-WebSocket-Key: x",
  "If-Match: *",
];
