#include "segments/channel.h"
#include "segments/server.h"
#include "tests/bench/benchmarks.h"
#include "tests/bench/measure.h"
#include "tests/fixture/fake_segments.h"
#include "tests/fixture/ports.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

/// Rows from memory to segments, which take them and look at none: what serving alone costs.
namespace sluice::bench {
namespace {

constexpr std::size_t rows_of_a_batch = 500'000;
constexpr int batches = 10;

EncodedRows rows_of(std::size_t width) {
    EncodedRows rows;
    for (std::size_t i = 0; i < rows_of_a_batch; ++i) {
        const std::string number = std::to_string(i);
        rows.bytes += number + "\t" + std::string(width - number.size() - 2, 'x') + "\n";
        rows.rows.push_back({.record = 0, .end = rows.bytes.size()});
    }
    return rows;
}

double cpu_seconds(int who) {
    rusage usage{};
    getrusage(who, &usage);
    const auto seconds = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

/// Takes all that comes, without copying it anywhere; returns how many bytes.
std::size_t take_all(std::uint16_t port, const std::string& request) {
    const int segment = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(segment, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        send(segment, request.data(), request.size(), MSG_NOSIGNAL) < 0)
        throw std::runtime_error("nobody serves segments");
    std::size_t all = 0;
    constexpr std::size_t at_once = 4u << 20;
    for (;;) {
        const ssize_t got = recv(segment, nullptr, at_once, MSG_TRUNC);
        if (got <= 0) break;
        all += static_cast<std::size_t>(got);
    }
    close(segment);
    return all;
}

struct Served {
    double seconds = 0;
    double cpu = 0;  ///< of the server
};

Served serve(std::size_t width, int segments) {
    const EncodedRows rows = rows_of(width);
    metrics::Registry registry;
    segments::Server server(registry);
    const std::uint16_t port = fixture::free_port();
    const std::string address = "127.0.0.1:" + std::to_string(port);
    if (!server.adopt({.advertised = address}).empty() || !server.move_to(address).empty())
        throw std::runtime_error("cannot listen on " + address);
    segments::Channel channel(server, "bench");
    const std::string location = channel.location();
    std::atomic<std::size_t> taken = 0;
    std::atomic<double> of_takers = 0;
    const double before = cpu_seconds(RUSAGE_SELF);
    const Stopwatch watch;
    for (int batch = 0; batch < batches; ++batch) {
        channel.open(rows);
        std::vector<std::jthread> takers;
        for (int segment = 0; segment < segments; ++segment)
            takers.emplace_back([&, segment] {
                taken += take_all(
                    port, fixture::segment_request({.path = location.substr(location.rfind('/')),
                                                    .segment = segment,
                                                    .segments = segments,
                                                    .cid = std::to_string(batch)}));
                of_takers += cpu_seconds(RUSAGE_THREAD);
            });
        takers.clear();
        if (const auto delivery = channel.close();
            !delivery.failure.empty() || delivery.rows != rows.rows.size())
            throw std::runtime_error("not all was taken: " + delivery.failure);
    }
    if (taken < batches * rows.bytes.size()) throw std::runtime_error("bytes are missing");
    return {watch.seconds(), cpu_seconds(RUSAGE_SELF) - before - of_takers};
}

}  // namespace

void run_segments(Report& report) {
    report.heading("rows from memory to segments, " + whole(batches) + " batches of " +
                   whole(rows_of_a_batch));
    std::vector<std::vector<std::string>> table{
        {"bytes a row", "segments", "rows/s", "GB/s", "CPU s of serving per million rows"}};
    constexpr double rows = double(batches) * rows_of_a_batch;
    for (const std::size_t width : {90, 200})
        for (const int segments : {3, 24}) {
            const Served served = serve(width, segments);
            table.push_back({whole(double(width)), whole(segments), whole(rows / served.seconds),
                             fixed(rows * double(width) / served.seconds / 1e9, 2),
                             fixed(served.cpu * 1e6 / rows, 3)});
        }
    report.table(table);
}

}  // namespace sluice::bench
