// Token streams for the benches: a loopback server that is never the bottleneck.
//
//     gcc -O2 -o loadserver loadserver.c
//     loadserver                prints "PORT <n>"; ends when its standard input does
//
// The path's beginning says what to send, its end in which protocol (the table below):
//
//     POST /n=200000;us=0/chat/completions
//
//     n   how many tokens
//     us  one token every so many microseconds; 0, as fast as they are taken
//
// Each event is an HTTP chunk, or a WebSocket frame, of its own, as model servers send them.
// A paced token's text is the CLOCK_MONOTONIC time it was sent at, in nanoseconds, then a space.
// The answers are complete: an event for the role, the usage, the end mark.

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

// -- what is said -------------------------------------------------------------------------------

#define OPENAI(choices) \
  "data: {\"id\":\"chatcmpl-CTz8mQp4nVd1rXyWb2KfA7sE3uHjL\",\"object\":\"chat.completion.chunk\"," \
  "\"created\":1764000000,\"model\":\"gpt-4o-mini-2024-07-18\",\"system_fingerprint\":\"fp_560af6e559\"," \
  choices "}\n\n"
#define CHOICE(delta, reason) \
  "\"choices\":[{\"index\":0,\"delta\":{" delta "},\"logprobs\":null,\"finish_reason\":" reason "}]"
#define OLLAMA(nanoseconds, rest) \
  "{\"model\":\"llama3.2\",\"created_at\":\"2026-11-20T23:14:48." nanoseconds "Z\"," rest "}\n"
#define ANTHROPIC(name, rest) "event: " name "\ndata: {\"type\":\"" name "\"" rest "}\n\n"
#define RESPONSES(name, rest) "event: " name "\ndata: {\"type\":\"" name "\"," rest "}\n\n"
#define PLACE "\"item_id\":\"msg_0a9f8e7d6c5b4a39\",\"output_index\":0,\"content_index\":0"
#define RESPONSE(status, output, usage) \
  "\"response\":{\"id\":\"resp_0a9f8e7d6c5b4a39\",\"object\":\"response\",\"created_at\":1764000000,\"status\":\"" \
  status "\",\"error\":null,\"model\":\"gpt-5-mini\",\"output\":[" output "],\"usage\":" usage "}"
#define MYSHELL(text, final) \
  "42/chat,[\"text_stream\",{\"data\":{\"text\":\"" text "\",\"isFinal\":" final "}}]"

typedef struct {
  const char *path, *media_type;  // no media type: a WebSocket
  const char *before[4], *token, *after[4];  // token: a format of its text and number
} Protocol;

static const Protocol PROTOCOLS[] = {
  {"/chat/completions", "text/event-stream; charset=utf-8",
   {OPENAI(CHOICE("\"role\":\"assistant\",\"content\":\"\"", "null"))},
   OPENAI(CHOICE("\"content\":\"%s\"", "null")),
   {OPENAI(CHOICE("", "\"stop\"")),
    OPENAI("\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":9,\"total_tokens\":18}"),
    "data: [DONE]\n\n"}},
  {"/v1/messages", "text/event-stream; charset=utf-8",
   {ANTHROPIC("message_start", ",\"message\":{\"id\":\"msg_01\",\"type\":\"message\",\"role\":\"assistant\","
              "\"model\":\"claude-haiku-4-5\",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,"
              "\"usage\":{\"input_tokens\":9,\"output_tokens\":1}}"),
    ANTHROPIC("content_block_start", ",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}"),
    ANTHROPIC("ping", "")},
   ANTHROPIC("content_block_delta", ",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"%s\"}"),
   {ANTHROPIC("content_block_stop", ",\"index\":0"),
    ANTHROPIC("message_delta", ",\"delta\":{\"stop_reason\":\"end_turn\",\"stop_sequence\":null},"
              "\"usage\":{\"output_tokens\":9}"),
    ANTHROPIC("message_stop", "")}},
  {"/responses", "text/event-stream; charset=utf-8",
   {RESPONSES("response.created", "\"sequence_number\":0," RESPONSE("in_progress", "", "null")),
    RESPONSES("response.output_item.added", "\"sequence_number\":1,\"output_index\":0,\"item\":{\"id\":"
              "\"msg_0a9f8e7d6c5b4a39\",\"type\":\"message\",\"role\":\"assistant\",\"content\":[]}")},
   RESPONSES("response.output_text.delta", "\"sequence_number\":%2$d," PLACE
             ",\"delta\":\"%1$s\",\"logprobs\":[],\"obfuscation\":\"xK%2$dq\""),
   {RESPONSES("response.output_text.done", "\"sequence_number\":9," PLACE ",\"text\":\"...\""),
    RESPONSES("response.completed", "\"sequence_number\":10," RESPONSE("completed", "",
              "{\"input_tokens\":9,\"output_tokens\":9,\"total_tokens\":18}"))}},
  {"/api/chat", "application/x-ndjson",
   {0},
   OLLAMA("%2$09d", "\"message\":{\"role\":\"assistant\",\"content\":\"%1$s\"},\"done\":false"),
   {OLLAMA("987654321", "\"message\":{\"role\":\"assistant\",\"content\":\"\"},\"done\":true,\"done_reason\":\"stop\","
           "\"total_duration\":1,\"load_duration\":1,\"prompt_eval_count\":9,\"eval_count\":9")}},
  {"/api/gpt/", "text/event-stream", {0}, "data: \"%s\"\n\n", {0}},
  {"/v3/chat-anonymous", "application/json", {0}, "{\"event\":\"text\",\"data\":\"%s\"}\n", {0}},
  {"/ws/", NULL, {0}, MYSHELL("%s", "false"), {MYSHELL("", "true")}},
};
#define COUNT(array) ((int)(sizeof(array) / sizeof(*array)))

static const char *WORDS[] = {
  " the", " quick", " brown", "fox", " jumps", " over", " a", " lazy", "dog", ".", " It", " is", ",",
  " and", " then", "\\n\\n", "##", " Heading", "\\n", "- ", "item", " caf\xc3\xa9", " na\xc3\xafve",
  " \xe4\xb8\xad\xe6\x96\x87", "\xf0\x9f\x99\x82", " \\\"quoted\\\"", " code", "(", "x", ")", " =", " 42",
  ";", " stream", "ing", " token", "s", " with", " parallel", " fan", "-out", "?", " \\u00e9t\\u00e9"};

static const char HEAD[] =
  "HTTP/1.1 200 OK\r\nDate: Fri, 20 Nov 2026 23:14:48 GMT\r\nContent-Type: %s\r\n"
  "Transfer-Encoding: chunked\r\nConnection: keep-alive\r\nopenai-organization: org-bench\r\n"
  "openai-processing-ms: 112\r\nopenai-version: 2020-10-01\r\nx-ratelimit-limit-requests: 10000\r\n"
  "x-ratelimit-remaining-requests: 9999\r\nx-request-id: req_0a1b2c3d4e5f\r\n"
  "strict-transport-security: max-age=31536000\r\nCache-Control: no-cache\r\nServer: bench\r\n\r\n";

// -- framing: once at the start, so that sending costs nothing ------------------------------------

#define RING 512  // tokens that are sent again and again
typedef struct { char *bytes, *after; size_t start[RING + 1], after_size; } Ring;
static Ring rings[COUNT(PROTOCOLS)];

// Put `text` into `out` as a chunk or an unmasked WebSocket frame; its size.
static size_t frame(const Protocol *p, char *out, const char *text) {
  size_t size = strlen(text), head;
  if (p->media_type) head = sprintf(out, "%zx\r\n", size);
  else {
    out[0] = (char)0x81, head = size < 126 ? 2 : 4;
    if (head == 2) out[1] = (char)size;
    else out[1] = 126, out[2] = (char)(size >> 8), out[3] = (char)size;
  }
  memcpy(out + head, text, size);
  return p->media_type ? head + size + sprintf(out + head + size, "\r\n") : head + size;
}

static size_t token(const Protocol *p, char *out, const char *text, long number) {
  char event[1024];
  snprintf(event, sizeof event, p->token, text, (int)number);
  return frame(p, out, event);
}

static void prepare(void) {
  for (int k = 0; k < COUNT(PROTOCOLS); k++) {
    const Protocol *p = &PROTOCOLS[k];
    Ring *r = &rings[k];
    r->bytes = malloc(RING * 1024), r->after = malloc(4096);
    for (int i = 0; i < RING; i++)
      r->start[i + 1] = r->start[i]
        + token(p, r->bytes + r->start[i], WORDS[(i * 7 + i / 50) % COUNT(WORDS)], i * 1000L + 17);
    for (int i = 0; i < 4 && p->after[i]; i++)
      r->after_size += frame(p, r->after + r->after_size, p->after[i]);
    if (p->media_type) r->after_size += sprintf(r->after + r->after_size, "0\r\n\r\n");
  }
}

// -- connections ----------------------------------------------------------------------------------

typedef struct {
  int fd, timer, upgraded, wants_room, answering;
  const Protocol *protocol;
  long left, due;                     // tokens still to send; paced ones whose time has come
  const char *out; size_t out_size;   // what is being sent
  size_t in_size; char in[16384], small[4096];
} Connection;

static int poller;
static Connection *owner[65536];  // by file descriptor: of the connection, or of its timer

static void watch(int fd, int operation, uint32_t events) {
  struct epoll_event event = {.events = events, .data.fd = fd};
  epoll_ctl(poller, operation, fd, &event);
}

static void stop_timer(Connection *c) {
  if (c->timer < 0) return;
  owner[c->timer] = NULL, close(c->timer), c->timer = -1;
}

static void drop(Connection *c) {
  stop_timer(c);
  owner[c->fd] = NULL, close(c->fd), free(c);
}

// Send what is to be sent, and more as long as it is taken; 0 when the connection is gone.
static int pump(Connection *c) {
  for (;;) {
    while (c->out_size) {
      ssize_t sent = send(c->fd, c->out, c->out_size, MSG_NOSIGNAL);
      if (sent < 0 && errno == EAGAIN) {
        if (!c->wants_room) watch(c->fd, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT), c->wants_room = 1;
        return 1;
      }
      if (sent < 0) return drop(c), 0;
      c->out += sent, c->out_size -= sent;
    }
    const Ring *r = c->protocol ? &rings[c->protocol - PROTOCOLS] : NULL;
    if (c->answering && c->left && c->timer < 0) {  // a burst: the whole ring at once
      long n = c->left < RING ? c->left : RING;
      c->out = r->bytes, c->out_size = r->start[n], c->left -= n;
    } else if (c->answering && !c->left) {
      c->out = r->after, c->out_size = r->after_size, c->answering = 0;
    } else break;
  }
  if (c->wants_room) watch(c->fd, EPOLL_CTL_MOD, EPOLLIN), c->wants_room = 0;
  return 1;
}

static int say(Connection *c, size_t size) {
  c->out = c->small, c->out_size = size;
  return pump(c);
}

static void tick(Connection *c) {
  uint64_t times;
  if (read(c->timer, &times, sizeof times) == sizeof times) c->due += (long)times;
  if (c->out_size) return;  // the reader is slow: later
  size_t size = 0;
  for (; c->due && c->left && size < sizeof c->small - 1024; c->due--, c->left--) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    char text[32];
    sprintf(text, "%lld ", t.tv_sec * 1000000000LL + t.tv_nsec);
    size += token(c->protocol, c->small + size, text, c->left);
  }
  if (!c->left) stop_timer(c);
  say(c, size);
}

// -- requests -------------------------------------------------------------------------------------

static long number(const char *path, const char *key, long otherwise) {
  const char *found = strstr(path, key);
  return found ? atol(found + strlen(key)) : otherwise;
}

static int begin(Connection *c, const Protocol *p, const char *path) {
  c->protocol = p, c->left = number(path, "n=", 100), c->due = 0;
  long us = number(path, "us=", 0);
  size_t size = p->media_type ? sprintf(c->small, HEAD, p->media_type) : 0;
  for (int i = 0; i < 4 && p->before[i]; i++) size += frame(p, c->small + size, p->before[i]);
  if (us) {
    c->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    struct timespec every = {us / 1000000, us % 1000000 * 1000};
    timerfd_settime(c->timer, 0, &(struct itimerspec){every, every}, NULL);
    owner[c->timer] = c, watch(c->timer, EPOLL_CTL_ADD, EPOLLIN);
  }
  c->answering = 1;
  return say(c, size);
}

static uint32_t rol(uint32_t x, int n) { return x << n | x >> (32 - n); }

// The handshake's answer to `key`, in base64 (RFC 6455, section 4.2.2; SHA-1 of less than 119 bytes).
static void accept_value(const char *key, char *out) {
  unsigned char m[128] = {0}, digest[21] = {0};
  size_t size = sprintf((char *)m, "%.60s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", key);
  m[size] = 0x80, m[126] = (unsigned char)(size >> 5), m[127] = (unsigned char)(size << 3);
  uint32_t h[5] = {0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0}, w[80];
  for (int block = 0; block < 128; block += 64) {
    for (int i = 0; i < 80; i++) {
      const unsigned char *b = m + block + 4 * i;
      w[i] = i < 16 ? (uint32_t)b[0] << 24 | b[1] << 16 | b[2] << 8 | b[3]
                    : rol(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    }
    uint32_t a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];
    for (int i = 0; i < 80; i++) {
      uint32_t f = i < 20 ? ((b & c) | (~b & d)) + 0x5A827999 : i < 40 ? (b ^ c ^ d) + 0x6ED9EBA1
                 : i < 60 ? ((b & c) | (b & d) | (c & d)) + 0x8F1BBCDC : (b ^ c ^ d) + 0xCA62C1D6;
      uint32_t t = rol(a, 5) + f + e + w[i];
      e = d, d = c, c = rol(b, 30), b = a, a = t;
    }
    h[0] += a, h[1] += b, h[2] += c, h[3] += d, h[4] += e;
  }
  for (int i = 0; i < 20; i++) digest[i] = (unsigned char)(h[i / 4] >> (24 - 8 * (i % 4)));
  static const char LETTERS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (int i = 0; i < 21; i += 3) {
    uint32_t v = digest[i] << 16 | digest[i + 1] << 8 | digest[i + 2];
    for (int k = 18; k >= 0; k -= 6) *out++ = LETTERS[v >> k & 63];
  }
  strcpy(out - 1, "=");
}

static int upgrade(Connection *c, const Protocol *p, const char *path, const char *head) {
  const char *found = strcasestr(head, "sec-websocket-key: ");
  char key[61] = "", value[32];
  if (found) sscanf(found + 19, "%60[^\r]", key);
  accept_value(key, value);
  c->upgraded = 1, c->protocol = p, c->left = number(path, "n=", 100);
  size_t size = sprintf(c->small, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                        "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n", value);
  size += frame(p, c->small + size, "0{\"sid\":\"lv_VI97HAXpY6yYWAAAC\",\"upgrades\":[],"
                "\"pingInterval\":25000,\"pingTimeout\":20000,\"maxPayload\":1000000}");
  return say(c, size);
}

// Each of these takes one request, or frame, out of `in`: its size, 0 when it is not whole yet,
// and -1 when the connection is gone.

static long take_frame(Connection *c) {
  unsigned char *b = (unsigned char *)c->in;
  size_t size = b[1] & 127, head = 6;
  if (size == 126) size = (size_t)b[2] << 8 | b[3], head = 8;
  if (c->in_size < 2 || c->in_size < head + size) return 0;
  for (size_t i = 0; i < size; i++) b[head + i] ^= b[head - 4 + i % 4];
  char *text = c->in + head;
  int alive = 1;
  if ((b[0] & 15) == 8) return drop(c), -1;
  if (!strncmp(text, "40", 2))
    alive = say(c, frame(c->protocol, c->small, "40/chat,{\"sid\":\"Kx0aB1c2D3e4F5g6\"}"));
  else if (!strncmp(text, "42", 2)) {
    char path[32];
    sprintf(path, "n=%ld", c->left);
    alive = begin(c, c->protocol, path);
  }
  return alive ? (long)(head + size) : -1;
}

static long take_request(Connection *c) {
  c->in[c->in_size] = 0;
  char *end = strstr(c->in, "\r\n\r\n"), *length = strcasestr(c->in, "\r\ncontent-length: ");
  if (!end) return 0;
  size_t size = end + 4 - c->in + (length && length < end ? atol(length + 18) : 0);
  if (c->in_size < size) return 0;
  char *path = strchr(c->in, ' ') + 1, *after = path + strcspn(path, " ?");
  int alive = -1;
  for (const Protocol *p = PROTOCOLS; p < PROTOCOLS + COUNT(PROTOCOLS); p++)
    if (!strncmp(after - strlen(p->path), p->path, strlen(p->path)))
      alive = p->media_type ? begin(c, p, path) : upgrade(c, p, path, c->in);
  if (alive < 0)
    alive = say(c, sprintf(c->small, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"));
  return alive ? (long)size : -1;
}

static void take(Connection *c) {
  ssize_t size = recv(c->fd, c->in + c->in_size, sizeof c->in - 1 - c->in_size, 0);
  if (size < 0 && errno == EAGAIN) return;
  if (size <= 0) return drop(c);
  c->in_size += size;
  while (c->in_size) {
    long taken = c->upgraded ? take_frame(c) : take_request(c);
    if (taken < 0) return;
    if (taken == 0) break;
    memmove(c->in, c->in + taken, c->in_size -= taken);
  }
}

static void welcome(int listener) {
  int fd, yes = 1;
  while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    Connection *c = calloc(1, sizeof *c);
    c->fd = fd, c->timer = -1;
    owner[fd] = c, watch(fd, EPOLL_CTL_ADD, EPOLLIN);
  }
}

int main(void) {
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  prepare();
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  if (bind(listener, (void *)&address, size) || listen(listener, 4096)) return perror("bind"), 1;
  getsockname(listener, (void *)&address, &size);
  printf("PORT %d\n", ntohs(address.sin_port)), fflush(stdout);
  poller = epoll_create1(0);
  watch(listener, EPOLL_CTL_ADD, EPOLLIN), watch(0, EPOLL_CTL_ADD, EPOLLIN);
  struct epoll_event events[256];
  for (;;) {
    int count = epoll_wait(poller, events, COUNT(events), -1);
    for (int i = 0; i < count; i++) {
      int fd = events[i].data.fd;
      char byte;
      if (fd == listener) { welcome(listener); continue; }
      if (fd == 0) { if (read(0, &byte, 1) <= 0) return 0; continue; }
      Connection *c = owner[fd];
      if (!c) continue;  // dropped by an event before
      if (fd == c->timer) { tick(c); continue; }
      if (events[i].events & EPOLLOUT && !pump(c)) continue;
      if (events[i].events & ~EPOLLOUT) take(c);
    }
  }
}
