#include "segments/channel.h"
#include "segments/server.h"
#include "tests/fixture/fake_segments.h"
#include "tests/fixture/http.h"
#include "tests/fixture/ports.h"
#include "tests/fixture/tcp_proxy.h"
#include "tests/fixture/wait.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

using namespace sluice;
using namespace sluice::fixture;
using namespace std::chrono_literals;
using segments::Channel;
using segments::Delivery;
using segments::Server;

namespace {

EncodedRows numbered_rows(std::size_t count, std::size_t width = 20) {
    EncodedRows rows;
    for (std::size_t i = 0; i < count; ++i) {
        const std::string number = std::to_string(i);
        rows.bytes += number + "\t" + std::string(width, 'x') + "\n";
        rows.rows.push_back({.record = static_cast<RecordLog::Index>(i), .end = rows.bytes.size()});
    }
    return rows;
}

/// How many different rows they got, none of them twice and none in pieces; nullopt otherwise.
std::optional<std::size_t> different_rows(const std::vector<SegmentRead>& reads,
                                          const EncodedRows& rows) {
    std::set<std::string_view> known;
    for (std::size_t i = 0; i < rows.rows.size(); ++i) known.insert(rows.bytes_of(i));
    std::size_t count = 0;
    for (const SegmentRead& read : reads) {
        std::string_view rest = read.rows;
        while (!rest.empty()) {
            const std::size_t end = rest.find('\n');
            if (end == std::string_view::npos || known.erase(rest.substr(0, end + 1)) == 0)
                return std::nullopt;
            rest.remove_prefix(end + 1);
            ++count;
        }
    }
    return count;
}

bool all_whole(const std::vector<SegmentRead>& reads) {
    return std::ranges::all_of(reads, &SegmentRead::whole);
}

struct Serving {
    explicit Serving(const Server::Limits& limits = {}) : server(registry, limits) {
        server.listen("127.0.0.1:" + std::to_string(port));
        REQUIRE(server.adopt({.advertised = "127.0.0.1:" + std::to_string(port)}).empty());
        wait_until([&] { return !server.listening().empty(); }, patient(10s), "the server");
        channel.emplace(server, "orders");
    }
    [[nodiscard]] std::string path() const {
        const std::string location = channel->location();
        return location.substr(location.rfind('/'));
    }
    [[nodiscard]] SegmentAsks statement(const std::string& cid = "1") const {
        return {.path = path(), .cid = cid};
    }
    [[nodiscard]] std::vector<SegmentRead> read(const std::vector<SegmentAsks>& asks) const {
        return read_as_segments(port, asks);
    }
    [[nodiscard]] SegmentRead read(const SegmentAsks& asks) const {
        return read(std::vector{asks})[0];
    }
    [[nodiscard]] SegmentRead say(const std::string& bytes) const {
        TcpClient client(port);
        client.send(bytes);
        return read_answer(client.receive(patient(10s)));
    }
    [[nodiscard]] bool is_counted(const std::string& line) {
        return registry.text().find(line + "\n") != std::string::npos;
    }

    metrics::Registry registry;
    const std::uint16_t port = free_port();
    Server server;
    std::optional<Channel> channel;
};

}  // namespace

TEST_CASE("segment server: each row goes to one of the segments that ask, all to their end") {
    Serving serving;
    const EncodedRows rows = numbered_rows(100'000);
    serving.channel->open(rows);
    const auto reads = serving.read(segments_of(serving.statement(), 8));
    const Delivery delivery = serving.channel->close();
    CHECK(all_whole(reads));
    CHECK(different_rows(reads, rows) == rows.rows.size());
    CHECK(delivery.failure.empty());
    CHECK(delivery.rows == rows.rows.size());
    CHECK(delivery.readers == 8);
}

TEST_CASE("segment server: a thousand segments at once, of which most find nothing left") {
    Serving serving;
    const EncodedRows rows = numbered_rows(20'000);
    serving.channel->open(rows);
    const auto reads = serving.read(segments_of(serving.statement(), 1000));
    const Delivery delivery = serving.channel->close();
    CHECK(all_whole(reads));
    CHECK(different_rows(reads, rows) == rows.rows.size());
    CHECK(delivery.failure.empty());
    CHECK(delivery.readers == 1000);
    CHECK(serving.is_counted("sluice_segments_readers{pipeline=\"orders\"} 1000"));
    CHECK(serving.is_counted("sluice_segments_rows_total{pipeline=\"orders\"} 20000"));
}

TEST_CASE("segment server: rows of any size, and none") {
    Serving serving;
    for (const auto& [count, width] : {std::pair<std::size_t, std::size_t>{0, 1},
                                       {1, 1},
                                       {3, 3u << 20},
                                       {100, 40'000},
                                       {1, 20u << 20}}) {
        const EncodedRows rows = numbered_rows(count, width);
        serving.channel->open(rows);
        const auto reads =
            serving.read(segments_of(serving.statement(std::to_string(count + width)), 3));
        CHECK(all_whole(reads));
        CHECK(different_rows(reads, rows) == count);
        CHECK(serving.channel->close().failure.empty());
    }
}

TEST_CASE("segment server: one batch after the other under one path, each for its statement") {
    Serving serving;
    const std::string before = serving.path();
    for (const char* const cid : {"1", "3", "5"}) {
        const EncodedRows rows = numbered_rows(1000);
        serving.channel->open(rows);
        const auto reads = serving.read(segments_of(serving.statement(cid), 2));
        CHECK(different_rows(reads, rows) == rows.rows.size());
        CHECK(serving.channel->close().failure.empty());
    }
    CHECK(serving.path() == before);
    CHECK(before.size() == 65);
}

TEST_CASE("segment server: a segment that asks twice fails the statement") {
    Serving serving;
    const EncodedRows rows = numbered_rows(1000);
    serving.channel->open(rows);
    CHECK(serving.read(serving.statement()).whole);
    const SegmentRead again = serving.read(serving.statement());
    CHECK(again.status == 409);
    CHECK(again.rows.empty());
    // What is left of the statement is told, too.
    CHECK(serving.read(segments_of(serving.statement(), 2))[1].status == 409);
    CHECK(serving.channel->close().failure == "segment 0 asked twice");
}

TEST_CASE("segment server: who comes late, for another statement or for none gets nothing") {
    Serving serving;
    const EncodedRows rows = numbered_rows(1000);
    CHECK(serving.read(serving.statement()).status == 404);
    serving.channel->open(rows);
    CHECK(serving.read(serving.statement("1")).whole);
    for (const auto& other :
         {SegmentAsks{.path = serving.path(), .segment = 1, .segments = 2, .cid = "2"},
          SegmentAsks{.path = serving.path(), .segment = 1, .segments = 2, .xid = "7-8"},
          SegmentAsks{.path = serving.path(), .segment = 1, .segments = 2, .sn = "1"}})
        CHECK(serving.read(other).status == 409);
    CHECK(serving.channel->close().failure.empty());
    CHECK(serving.read(serving.statement("1")).status == 404);
    // The next batch is not for who belongs to the one before.
    serving.channel->open(rows);
    CHECK(serving.read(segments_of(serving.statement("1"), 2))[1].status == 409);
    CHECK(serving.read(serving.statement("3")).whole);
    CHECK(serving.channel->close().failure.empty());
}

TEST_CASE("segment server: what a segment had that hung up is given to nobody") {
    Serving serving;
    const EncodedRows rows = numbered_rows(2000, 10'000);
    serving.channel->open(rows);
    {
        TcpClient segment(serving.port);
        segment.send(segment_request(serving.statement()));
        wait_until([&] { return !serving.is_counted("sluice_segments_bytes_total 0"); },
                   patient(10s), "a block on its way");
    }
    wait_until([&] { return serving.is_counted("sluice_segments_connections 0"); }, patient(10s),
               "the end of the connection");
    const auto read =
        serving.read(SegmentAsks{.path = serving.path(), .segment = 1, .segments = 2});
    CHECK_FALSE(read.whole);
    const Delivery delivery = serving.channel->close();
    CHECK(delivery.failure == "segment 0 did not take all of its rows");
    CHECK(delivery.rows < rows.rows.size());
}

TEST_CASE("segment server: the others of a statement are told when one of them has failed") {
    Serving serving;
    const EncodedRows rows = numbered_rows(4000, 10'000);
    serving.channel->open(rows);
    TcpClient slow(serving.port);
    slow.send(segment_request({.path = serving.path(), .segment = 1, .segments = 2}));
    wait_until([&] { return !serving.is_counted("sluice_segments_bytes_total 0"); }, patient(10s),
               "a block on its way");
    CHECK(serving.read(segments_of(serving.statement(), 2))[1].status == 409);
    const SegmentRead told = read_answer(slow.receive(patient(10s)));
    CHECK_FALSE(told.whole);
    CHECK(told.error == "segment 1 asked twice");
    CHECK(serving.channel->close().failure == "segment 1 asked twice");
}

TEST_CASE("segment server: a segment that stops reading is cut, and so is one at the batch's end") {
    Serving serving({.stall = 100ms});
    const EncodedRows rows = numbered_rows(4000, 10'000);
    serving.channel->open(rows);
    TcpClient silent(serving.port);
    silent.send(segment_request(serving.statement()));
    wait_until(
        [&] {
            return serving.read({.path = serving.path(), .segment = 1, .segments = 2}).status ==
                   409;
        },
        patient(10s), "the end of patience");
    CHECK(serving.channel->close().failure == "segment 0 did not take all of its rows");

    Serving patient_one;
    patient_one.channel->open(rows);
    TcpClient reads_on(patient_one.port);
    reads_on.send(segment_request(patient_one.statement()));
    wait_until([&] { return !patient_one.is_counted("sluice_segments_bytes_total 0"); },
               patient(10s), "a block on its way");
    CHECK_FALSE(patient_one.channel->close().rows == rows.rows.size());
    CHECK_FALSE(read_answer(reads_on.receive(patient(10s))).whole);
}

TEST_CASE("segment server: without the path, or as no segment does, there is nothing to be had") {
    Serving serving;
    const EncodedRows rows = numbered_rows(1000);
    serving.channel->open(rows);
    const auto refused = [&](const std::string& bytes) {
        const SegmentRead answer = serving.say(bytes);
        CHECK(answer.rows.empty());
        return answer.status;
    };
    std::string guess = serving.path();
    guess.back() = guess.back() == '0' ? '1' : '0';
    CHECK(refused(segment_request({.path = guess})) == 404);
    CHECK(refused(segment_request({.path = "/"})) == 404);
    CHECK(refused("GET " + serving.path() + " HTTP/1.1\r\nHost: x\r\n\r\n") == 400);
    CHECK(refused("GET / HTTP/1.1\r\nHost: x\r\n\r\n") == 400);
    CHECK(refused("PUT " + serving.path() + " HTTP/1.1\r\nHost: x\r\n\r\n") == 405);
    CHECK(refused("POST " + serving.path() + " HTTP/1.1\r\nHost: x\r\n\r\n") == 400);
    CHECK(refused("\x16\x03\x01\x02\r\n\r\n") == 400);
    CHECK(refused("SSH-2.0-OpenSSH_9.2\r\n\r\n") == 400);
    CHECK(refused("GET / HTTP/1.1\r\nX: " + std::string(20'000, 'a')) == 431);
    for (const char* const field : {"X-GP-XID", "X-GP-CID", "X-GP-SN", "X-GP-SEGMENT-ID",
                                    "X-GP-SEGMENT-COUNT", "X-GP-PROTO"}) {
        std::string request = segment_request(serving.statement());
        request.replace(request.find(field), 4, "Y-");
        CHECK_MESSAGE(refused(request) == 400, std::string(field));
    }
    std::string raw = segment_request(serving.statement());
    raw.replace(raw.find("PROTO: 1"), 8, "PROTO: 0");
    CHECK(refused(raw) == 400);
    CHECK(serving.is_counted("sluice_segments_requests_total{code=\"404\"} 2"));
    // None of these has changed anything.
    CHECK(serving.read(serving.statement()).whole);
    CHECK(serving.channel->close().failure.empty());
}

TEST_CASE("segment server: who connects and says nothing makes room for segments, and is cut") {
    Serving serving({.connections = 8, .patience = 200ms});
    std::vector<TcpClient> scanners;
    for (int i = 0; i < 40; ++i) scanners.emplace_back(serving.port);
    const EncodedRows rows = numbered_rows(1000);
    serving.channel->open(rows);
    CHECK(serving.read(serving.statement()).whole);
    CHECK(serving.channel->close().failure.empty());
    for (TcpClient& scanner : scanners) CHECK(scanner.receive(patient(10s)).empty());
    wait_until([&] { return serving.is_counted("sluice_segments_connections 0"); }, patient(10s),
               "the end of all connections");
}

TEST_CASE("segment server: an address that is taken is tried again until it is free") {
    metrics::Registry registry;
    std::optional<TcpProxy> taken(std::in_place, free_port());
    Server server(registry, {.listen_again = 50ms});
    server.listen("127.0.0.1:" + std::to_string(taken->port()));
    CHECK(server.move_to("127.0.0.1:" + std::to_string(taken->port())).empty());
    CHECK(server.listening().empty());
    taken.reset();
    wait_until([&] { return !server.listening().empty(); }, patient(10s), "the address");
}

TEST_CASE("segment server: who only offers rows takes none, and says so in the first line") {
    Serving serving;
    const EncodedRows rows = numbered_rows(10);
    serving.channel->open(rows);
    const BlockAnswer answer = post_block(serving.port, serving.statement(), 1, "1\tx\n");
    CHECK(answer.status == 405);
    CHECK(answer.why == "rows are read here, by GET");
    CHECK(serving.channel->close().readers == 0);
}

namespace {

/// Takes blocks, and says what became of them when it is told to.
class Shelf : public segments::Service {
public:
    [[nodiscard]] std::variant<std::unique_ptr<segments::Reading>, segments::Refusal> begin(
        const segments::Request&) override {
        return segments::Refusal{405, "write"};
    }
    [[nodiscard]] std::variant<std::unique_ptr<segments::Writing>, segments::Refusal> begin_writing(
        const segments::Request&) override {
        ++begun_;
        return std::make_unique<Part>(*this);
    }
    [[nodiscard]] int begun() const { return begun_; }
    [[nodiscard]] int put() const { return put_; }
    void tell() {
        const std::lock_guard lock{mutex_};
        told_ = true;
        for (const auto& wake : std::exchange(waiting_, {})) wake();
    }

private:
    class Part : public segments::Writing {
    public:
        explicit Part(Shelf& shelf) : shelf_(shelf) {}
        void put(std::string) override { ++shelf_.put_; }
        [[nodiscard]] bool is_ready(const std::function<void()>& ready) override {
            const std::lock_guard lock{shelf_.mutex_};
            if (!shelf_.told_) shelf_.waiting_.push_back(ready);
            return shelf_.told_;
        }
        [[nodiscard]] std::optional<segments::Refusal> outcome() override { return std::nullopt; }

    private:
        Shelf& shelf_;
    };

    std::atomic<int> begun_{0};
    std::atomic<int> put_{0};
    std::mutex mutex_;
    bool told_ = false;
    std::vector<std::function<void()>> waiting_;
};

}  // namespace

TEST_CASE(
    "segment server: blocks for which there is no memory wait unread, and then have their turn") {
    Serving serving({.block_bytes = 100});
    Shelf shelf;
    serving.server.offer("/shelf", shelf);
    std::vector<BlockAnswer> answers(4);
    std::vector<std::thread> segments;
    for (int segment = 0; segment < 4; ++segment)
        segments.emplace_back([&, segment] {
            answers[static_cast<std::size_t>(segment)] =
                post_block(serving.port, {.path = "/shelf", .segment = segment, .segments = 4}, 1,
                           std::string(40, 'x'));
        });
    wait_until([&] { return shelf.begun() == 4; }, patient(10s), "all of them");
    CHECK(shelf.put() <= 2);
    CHECK(post_block(serving.port, {.path = "/shelf"}, 1, std::string(101, 'x')).status == 413);
    shelf.tell();
    for (std::thread& segment : segments) segment.join();
    for (const BlockAnswer& answer : answers) CHECK(answer.status == 200);
    CHECK(shelf.put() == 4);
    CHECK(serving.is_counted("sluice_segments_received_bytes_total 160"));
    serving.server.withdraw("/shelf");
}

TEST_CASE("segment server: a service that is withdrawn leaves nobody who waits for it") {
    Serving serving({.block_bytes = 100});
    Shelf shelf;
    serving.server.offer("/shelf", shelf);
    std::vector<std::thread> segments;
    std::vector<BlockAnswer> answers(3);
    for (int segment = 0; segment < 3; ++segment)
        segments.emplace_back([&, segment] {
            answers[static_cast<std::size_t>(segment)] =
                post_block(serving.port, {.path = "/shelf", .segment = segment, .segments = 4}, 1,
                           std::string(60, 'x'));
        });
    wait_until([&] { return shelf.begun() == 3 && shelf.put() == 1; }, patient(10s), "one of them");
    serving.server.withdraw("/shelf");
    for (std::thread& segment : segments) segment.join();
    for (const BlockAnswer& answer : answers) CHECK(answer.status == 0);
    serving.server.offer("/shelf", shelf);
    shelf.tell();
    CHECK(post_block(serving.port, {.path = "/shelf"}, 1, std::string(100, 'x')).status == 200);
    serving.server.withdraw("/shelf");
}
