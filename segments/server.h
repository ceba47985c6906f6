#pragma once

#include "metrics/registry.h"
#include "segments/service.h"
#include "segments/way.h"

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>

namespace sluice::segments {

/// Speaks gpfdist with the segments of an MPP database: each path is a service's, and nothing is to
/// be had without a path. Connections, heads and the time for each are limited. One thread does it
/// all. Methods from any thread; the registry must outlive it.
class Server {
public:
    struct Limits {
        std::size_t connections = 8192;
        std::size_t head_bytes = 16384;
        /// Of all blocks together that segments write, until each has its outcome.
        std::size_t block_bytes = 64u << 20;
        /// For a head to arrive, and for the other side to hang up.
        std::chrono::milliseconds patience = std::chrono::seconds(10);
        /// For a block to be taken, or for more of one to come.
        std::chrono::milliseconds stall = std::chrono::seconds(60);
        std::chrono::milliseconds listen_again = std::chrono::seconds(5);
        /// Until a pipeline tries again whether segments fetch its rows.
        Way::Pauses way_again{};
    };

    explicit Server(metrics::Registry& registry);
    Server(metrics::Registry& registry, const Limits& limits);
    /// Services must have been withdrawn.
    ~Server();
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    /// As Listener has it.
    void listen(const std::string& address);
    [[nodiscard]] std::string move_to(const std::string& address);
    [[nodiscard]] std::string listening() const;
    struct Terms {
        std::string advertised;  ///< "host:port", as segments find it
        /// Of a statement for which they read.
        std::chrono::milliseconds timeout = std::chrono::minutes(10);
        // PEM: of the daemon, and who vouches for segments; empty: no TLS.
        std::string certificate{};
        std::string key{};
        std::string ca{};
    };
    /// Of connections and statements from now on. Returns what is wrong with them, which changes
    /// nothing then; empty: nothing.
    [[nodiscard]] std::string adopt(const Terms& terms);
    [[nodiscard]] std::chrono::milliseconds timeout() const;
    /// For LOCATION.
    [[nodiscard]] std::string url(const std::string& path) const;

    /// What lanes of a pipeline share: how its batches fare, and whether they may come at all;
    /// there from the first time on that somebody asks, until it is forgotten and nobody holds it
    /// any more.
    struct Counts {
        Counts(const Way::Pauses& pauses, metrics::Gauge closed) : way(pauses, std::move(closed)) {}
        Way way;  ///< of all lanes of the pipeline
        metrics::Counter rows;
        metrics::Counter waiting;
        metrics::Gauge readers;
    };
    [[nodiscard]] std::shared_ptr<Counts> counts_of(const std::string& pipeline);
    /// But those of pipelines that are to stay.
    void forget_counts(const std::function<bool(const std::string& pipeline)>& stays);

    void offer(const std::string& path, Service& service);
    /// Cuts those that read. The service is not used any more once this returns.
    void withdraw(const std::string& path);

private:
    class Network;
    const std::unique_ptr<Network> network_;
};

}  // namespace sluice::segments
