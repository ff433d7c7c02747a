/*
 * A provider that answers at once: `POST` with `"stream":true` in its body gets a stream of 64 events of the Anthropic
 * Messages API in as many HTTP chunks, anything else a message of 450 bytes. One thread, epoll, keep-alive. It is written
 * in C so that it is not what a bench of proxies measures.
 *
 *   upstream PORT
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_CONNECTIONS 4096
#define REQUEST_BYTES 65536
#define EVENTS 64

struct connection {
  int fd;
  size_t used;
  size_t sent;
  size_t to_send;
  const char *answer;
  char request[REQUEST_BYTES];
};

static char json_answer[2048];
static size_t json_size;
static char stream_answer[32768];
static size_t stream_size;

static size_t add_chunk(char *out, const char *event, const char *data) {
  char text[1024];
  int size = snprintf(text, sizeof text, "event: %s\ndata: %s\n\n", event, data);
  return (size_t)sprintf(out, "%x\r\n%s\r\n", (unsigned)size, text);
}

static void make_answers(void) {
  const char *body =
      "{\"id\":\"msg_0123456789abcdef\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"bench-model\","
      "\"content\":[{\"type\":\"text\",\"text\":\"The input reaches the sink through the second argument; the guard "
      "looks at the first one only. A path that is resolved before it is compared would close it. The same holds for "
      "the two callers below.\"}],\"stop_reason\":\"end_turn\",\"stop_sequence\":null,\"usage\":{\"input_tokens\":412,"
      "\"cache_creation_input_tokens\":0,\"cache_read_input_tokens\":0,\"output_tokens\":57}}";
  json_size = (size_t)sprintf(json_answer,
                              "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %zu\r\n\r\n%s",
                              strlen(body), body);
  char *at = stream_answer;
  at += sprintf(at, "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n"
                    "transfer-encoding: chunked\r\n\r\n");
  at += add_chunk(at, "message_start",
                  "{\"type\":\"message_start\",\"message\":{\"id\":\"msg_0123456789abcdef\",\"type\":\"message\","
                  "\"role\":\"assistant\",\"model\":\"bench-model\",\"content\":[],\"stop_reason\":null,"
                  "\"usage\":{\"input_tokens\":412,\"output_tokens\":1}}}");
  at += add_chunk(at, "content_block_start",
                  "{\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}");
  for (int event = 0; event < EVENTS - 5; event++) {
    at += add_chunk(at, "content_block_delta",
                    "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"some words \"}}");
  }
  at += add_chunk(at, "content_block_stop", "{\"type\":\"content_block_stop\",\"index\":0}");
  at += add_chunk(at, "message_delta",
                  "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":118}}");
  at += add_chunk(at, "message_stop", "{\"type\":\"message_stop\"}");
  at += sprintf(at, "0\r\n\r\n");
  stream_size = (size_t)(at - stream_answer);
}

static void drop(struct connection *it) {
  close(it->fd);
  free(it);
}

/* 1: go on, 0: the connection is gone. */
static int flush_answer(struct connection *it) {
  while (it->sent < it->to_send) {
    ssize_t size = send(it->fd, it->answer + it->sent, it->to_send - it->sent, MSG_NOSIGNAL);
    if (size < 0) {
      if (errno == EAGAIN) return 1;
      drop(it);
      return 0;
    }
    it->sent += (size_t)size;
  }
  it->to_send = 0;
  return 1;
}

/* 1: go on, 0: the connection is gone. */
static int answer_requests(struct connection *it) {
  while (it->to_send == 0) {
    it->request[it->used] = 0;
    char *end = strstr(it->request, "\r\n\r\n");
    if (!end) return 1;
    size_t head = (size_t)(end - it->request) + 4;
    char *field = strcasestr(it->request, "content-length:");
    size_t body = field && field < end ? strtoul(field + 15, NULL, 10) : 0;
    if (head + body > it->used) {
      if (head + body < REQUEST_BYTES) return 1;
      drop(it);
      return 0;
    }
    char saved = it->request[head + body];
    it->request[head + body] = 0;
    int streamed = strstr(it->request + head, "\"stream\":true") != NULL;
    it->request[head + body] = saved;
    it->answer = streamed ? stream_answer : json_answer;
    it->to_send = streamed ? stream_size : json_size;
    it->sent = 0;
    it->used -= head + body;
    memmove(it->request, it->request + head + body, it->used);
    if (!flush_answer(it)) return 0;
  }
  return 1;
}

int main(int count, char **arguments) {
  if (count != 2) return 2;
  signal(SIGPIPE, SIG_IGN);
  make_answers();
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  int on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(arguments[1]))};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 1024)) return 1;
  int poll = epoll_create1(0);
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
  epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event);
  struct epoll_event ready[256];
  for (;;) {
    int found = epoll_wait(poll, ready, 256, -1);
    for (int index = 0; index < found; index++) {
      struct connection *it = ready[index].data.ptr;
      if (!it) {
        int fd;
        while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
          setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
          struct connection *fresh = calloc(1, sizeof *fresh);
          fresh->fd = fd;
          struct epoll_event first = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = fresh};
          epoll_ctl(poll, EPOLL_CTL_ADD, fd, &first);
        }
        continue;
      }
      if (it->to_send > 0 && !flush_answer(it)) continue;
      int gone = 0;
      for (;;) {
        ssize_t size = recv(it->fd, it->request + it->used, REQUEST_BYTES - 1 - it->used, 0);
        if (size > 0) {
          it->used += (size_t)size;
          if (!answer_requests(it)) gone = 1;
          if (gone) break;
          continue;
        }
        if (size < 0 && errno == EAGAIN) break;
        drop(it);
        gone = 1;
        break;
      }
      if (!gone) answer_requests(it);
    }
  }
}
