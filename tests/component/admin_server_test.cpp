#include "daemon/admin/admin_server.h"
#include "tests/fixture/http.h"
#include "tests/fixture/ports.h"
#include "tests/fixture/wait.h"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <string>
#include <vector>

using namespace sluice;
using namespace sluice::fixture;
using namespace std::chrono_literals;

namespace {

struct Served {
    explicit Served(const AdminServer::Limits& limits = {})
        : server(
              registry,
              [this](const HttpRequest& request) {
                  ++requests;
                  if (request.target == "/throws") throw std::runtime_error("it broke");
                  return HttpResponse{.body = request.method + " " + request.target};
              },
              limits) {
        server.listen("127.0.0.1:" + std::to_string(port));
        wait_until([&] { return !server.listening().empty(); }, patient(10s), "the server");
    }
    HttpAnswer say(const std::string& bytes) const {
        TcpClient client(port);
        client.send(bytes);
        return parse_answer(client.receive(patient(10s)));
    }

    metrics::Registry registry;
    std::atomic<int> requests = 0;
    const std::uint16_t port = free_port();
    AdminServer server;
};

}  // namespace

TEST_CASE("admin server: answers, one request after the other on a connection") {
    Served served;
    CHECK(http(served.port, "GET", "/a?b").body == "GET /a?b");
    CHECK(http(served.port, "POST", "/c").body == "POST /c");
    const HttpAnswer head = http(served.port, "HEAD", "/a");
    CHECK(head.status == 200);
    CHECK(head.body.empty());
    CHECK(head.head.find("Content-Length: 7") != std::string::npos);
    CHECK(http(served.port, "GET", "/throws").status == 500);

    TcpClient client(served.port);
    client.send(
        "GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\nConnection: "
        "close\r\n\r\n");
    const std::string both = client.receive();
    CHECK(both.find("GET /1") != std::string::npos);
    CHECK(both.ends_with("GET /2"));
}

TEST_CASE("admin server: what is no request, or too much of one, is refused and forgotten") {
    Served served;
    CHECK(served.say("\x16\x03\x01\x02\r\n\r\n").status == 400);
    CHECK(served.say("GET\r\n\r\n").status == 400);
    CHECK(served.say("GET / HTTP/9.9\r\n\r\n").status == 400);
    CHECK(served.say("GET / HTTP/1.1\r\nno colon\r\n\r\n").status == 400);
    CHECK(served.say("POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n").status == 400);
    CHECK(served.say("POST / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n").status == 413);
    CHECK(served.say("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffff\r\n").status ==
          413);
    CHECK(served
              .say("GET /" + std::string(7000, 'a') +
                   " HTTP/1.1\r\nHost: x\r\nConnection: "
                   "close\r\n\r\n")
              .status == 200);
    CHECK(served.say("GET / HTTP/1.1\r\nX: " + std::string(9000, 'a')).status == 431);
    CHECK(served.say(std::string(200000, 'a')).status != 200);
    CHECK(served.say(std::string(5000, '\0')).status == 400);
    CHECK(served.requests == 1);
    CHECK(http(served.port, "GET", "/").status == 200);
}

TEST_CASE("admin server: who is slow is let go, and keeps nobody else waiting") {
    Served served({.patience = 300ms, .idle = 300ms});
    std::vector<TcpClient> slow;
    for (int i = 0; i < 50; ++i) {
        slow.emplace_back(served.port);
        slow.back().send("GET / HTTP/1.1\r\nHost");
    }
    CHECK(http(served.port, "GET", "/").status == 200);
    for (TcpClient& client : slow) CHECK(client.receive(patient(10s)).empty());
    wait_until(
        [&] {
            return served.registry.text().find("sluice_admin_connections 0\n") != std::string::npos;
        },
        patient(10s), "all to be forgotten");
}

TEST_CASE("admin server: more connections than it holds make room for the latest") {
    Served served({.connections = 20});
    std::vector<TcpClient> many;
    for (int i = 0; i < 500; ++i) many.emplace_back(served.port);
    CHECK(http(served.port, "GET", "/").status == 200);
    CHECK(served.registry.text().find("sluice_admin_closed_connections_total 481\n") !=
          std::string::npos);
}

TEST_CASE("admin server: an address that is taken is tried again until it is free") {
    Served first;
    metrics::Registry registry;
    const auto handler = [](const HttpRequest&) { return HttpResponse{.body = "second"}; };
    AdminServer second(registry, handler, {.listen_again = 50ms});
    second.listen("127.0.0.1:" + std::to_string(first.port));
    CHECK(http(first.port, "GET", "/x").body == "GET /x");
    CHECK(second.listening().empty());
    first.server.listen("");
    wait_until([&] { return http(first.port, "GET", "/").body == "second"; }, patient(10s),
               "the second server");
}

TEST_CASE("admin server: it moves to another address, or stays where it is and says why not") {
    const Served taken;
    Served served;
    const std::string there = "127.0.0.1:" + std::to_string(taken.port);
    const std::string problem = served.server.move_to(there);
    CHECK(problem == "admin server: cannot listen on " + there +
                         ": Address already in use; set another address as listen in [admin], or "
                         "\"\" for none");
    TcpClient open_before(served.port);
    CHECK(http(served.port, "GET", "/x").body == "GET /x");  // so the other is accepted, too
    // All interfaces, of which it has one.
    CHECK(served.server.move_to("0.0.0.0:" + std::to_string(served.port)).empty());
    CHECK(http(served.port, "GET", "/x").body == "GET /x");
    open_before.send("GET /y HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    CHECK(parse_answer(open_before.receive(patient(10s))).body == "GET /y");
    CHECK(served.server.move_to("").empty());
    CHECK_THROWS_AS(TcpClient{served.port}, std::system_error);
}
