#pragma once

#include "daemon/admin/http.h"
#include "metrics/registry.h"

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>

namespace sluice {

/// Speaks HTTP/1.1 with whoever connects, and with as little as possible of our memory and time:
/// connections, headers, bodies and the time for each are limited. One that waits longest for its
/// client makes room for a new one. Three threads: one for the network, one that answers GET and
/// HEAD, one for the rest, which may wait for pipelines. Methods from any thread.
class AdminServer {
public:
    struct Limits {
        std::size_t connections = 128;
        std::size_t header_bytes = 8192;
        std::size_t body_bytes = 16384;
        /// For a request to arrive in full, for an answer to be taken, and between two requests.
        std::chrono::milliseconds patience = std::chrono::seconds(10);
        std::chrono::milliseconds idle = std::chrono::seconds(75);
        std::chrono::milliseconds listen_again = std::chrono::seconds(5);
    };
    using Handler = std::function<HttpResponse(const HttpRequest&)>;

    /// `handler` is called on the answering threads; what it throws becomes a 500.
    AdminServer(metrics::Registry& registry, Handler handler);
    AdminServer(metrics::Registry& registry, Handler handler, const Limits& limits);
    /// Waits for requests that are being answered.
    ~AdminServer();
    AdminServer(const AdminServer&) = delete;
    AdminServer& operator=(const AdminServer&) = delete;

    /// Listens here, "host:port", from now on, and nowhere else; "": nowhere. What cannot be had
    /// is logged with the remedy, and tried again until it can.
    void listen(const std::string& address);
    /// Listens here instead, as listen() does; but an address that cannot be had changes nothing,
    /// and is returned as what is wrong with it; empty: done. Open connections go on.
    [[nodiscard]] std::string move_to(const std::string& address);
    /// Where it listens now; empty: nowhere.
    [[nodiscard]] std::string listening() const;

private:
    class Network;
    const std::unique_ptr<Network> network_;
};

}  // namespace sluice
