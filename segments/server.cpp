#include "segments/server.h"

#include "network/listener.h"
#include "pipeline/log.h"
#include "segments/conversation.h"
#include "segments/wire.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <future>
#include <map>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace sluice::segments {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

}  // namespace

/// Everything happens on one thread.
class Server::Network : public Conversation::Host {
public:
    Network(metrics::Registry& registry, const Limits& limits)
        : limits_(limits),
          registry_(registry),
          open_(registry.gauge("sluice_segments_connections",
                               "Connections of the database's segments")),
          sent_(registry.counter("sluice_segments_bytes_total",
                                 "Bytes of rows that segments were sent")),
          received_(registry.counter("sluice_segments_received_bytes_total",
                                     "Bytes of rows that segments have written")),
          room_(limits.block_bytes),
          work_(asio::make_work_guard(context_)),
          listener_(context_,
                    {.who = "segments",
                     .remedy = "set another address as listen in [segments]",
                     .again = limits.listen_again,
                     .on_connection = [this](tcp::socket socket) { take(std::move(socket)); }}) {
        answered(200);
        thread_ = std::thread{[this] { listener_.run(); }};
    }

    ~Network() override {
        asio::post(context_, [this] {
            listener_.stop();
            for (const auto& [number, conversation] : conversations_) conversation->cut();
            work_.reset();
        });
        thread_.join();
    }
    Network(const Network&) = delete;
    Network& operator=(const Network&) = delete;

    void listen(const std::string& address) {
        asio::post(context_, [this, address] { listener_.listen(address); });
    }
    std::string move_to(const std::string& address) {
        return ask<std::string>(
            [&](const auto& answer) { answer->set_value(listener_.move_to(address)); });
    }
    std::string listening() const { return listener_.listening(); }

    std::shared_ptr<Counts> counts_of(const std::string& pipeline) {
        const std::lock_guard lock{mutex_};
        auto& counts = counts_[pipeline];
        if (counts) return counts;
        const metrics::Labels labels{{"pipeline", pipeline}};
        counts = std::make_shared<Counts>(
            limits_.way_again,
            registry_.gauge(
                "sluice_segments_way_closed",
                "1 while segments do not fetch the pipeline's rows, which go by COPY instead",
                labels));
        counts->rows = registry_.counter(
            "sluice_segments_rows_total",
            "Rows that segments were sent, also those of transactions that failed", labels);
        counts->waiting = registry_.counter(
            "sluice_segments_waiting_seconds_total",
            "Time from offering a batch's rows until the first segment asked for them", labels);
        counts->readers = registry_.gauge("sluice_segments_readers",
                                          "Segments that asked for the latest batch", labels);
        return counts;
    }
    void forget_counts(const std::function<bool(const std::string& pipeline)>& stays) {
        const std::lock_guard lock{mutex_};
        std::erase_if(counts_, [&](const auto& of) { return !stays(of.first); });
    }

    std::string adopt(const Terms& terms) {
        std::shared_ptr<asio::ssl::context> tls;
        try {
            if (!terms.certificate.empty())
                tls = make_tls({terms.certificate, terms.key, terms.ca});
        } catch (const std::exception& error) {
            return std::string("segments: ") + error.what();
        }
        const std::lock_guard lock{mutex_};
        terms_ = terms;
        tls_ = std::move(tls);
        return {};
    }
    std::chrono::milliseconds timeout() const {
        const std::lock_guard lock{mutex_};
        return terms_.timeout;
    }
    std::string url(const std::string& path) const {
        const std::lock_guard lock{mutex_};
        return (tls_ ? "gpfdists://" : "gpfdist://") + terms_.advertised + path;
    }

    void offer(const std::string& path, Service& service) {
        ask<void>([&](const auto& answer) {
            services_[path] = &service;
            answer->set_value();
        });
    }
    void withdraw(const std::string& path) {
        ask<void>([&](const auto& answer) {
            const auto found = services_.find(path);
            if (found == services_.end()) return answer->set_value();
            const Service* const service = found->second;
            services_.erase(found);
            bool is_used = false;
            std::vector<ConversationPtr> waiting;
            for (const auto& [number, conversation] : conversations_) {
                if (conversation->service() != service) continue;
                if (conversation->waits()) {
                    waiting.push_back(conversation);
                    continue;
                }
                is_used = true;
                conversation->cut();
            }
            for (const ConversationPtr& conversation : waiting) conversation->drop();
            if (is_used)
                withdrawn_[service] = answer;
            else
                answer->set_value();
        });
    }

    // What conversations need.
    [[nodiscard]] const Limits& limits() const override { return limits_; }
    [[nodiscard]] Service* service_of(const std::string& path) const override {
        auto found = services_.find(path);
        if (found == services_.end()) found = services_.find(path.substr(0, path.find('/', 1)));
        return found == services_.end() ? nullptr : found->second;
    }
    [[nodiscard]] Room& room() override { return room_; }
    void post(std::function<void()> call) override { asio::post(context_, std::move(call)); }
    void on_answered(unsigned status) override { answered(status).add(); }
    void on_sent(std::size_t bytes) override { sent_.add(static_cast<double>(bytes)); }
    void on_received(std::size_t bytes) override { received_.add(static_cast<double>(bytes)); }
    void on_released(const Service& service) override {
        const auto waiting = withdrawn_.find(&service);
        if (waiting == withdrawn_.end()) return;
        const bool is_used = std::ranges::any_of(
            conversations_, [&](const auto& other) { return other.second->service() == &service; });
        if (is_used) return;
        waiting->second->set_value();
        withdrawn_.erase(waiting);
    }
    void on_over(std::uint64_t number) override {
        conversations_.erase(number);
        count_open();
    }

private:
    using ConversationPtr = std::shared_ptr<Conversation>;

    template <class Answer, class Ask>
    Answer ask(Ask order) {
        const auto answer = std::make_shared<std::promise<Answer>>();
        auto future = answer->get_future();
        asio::post(context_, [&order, answer] { order(answer); });
        return future.get();
    }

    void take(tcp::socket socket) {
        if (conversations_.size() >= limits_.connections) {
            const auto stranger = std::ranges::find_if(
                conversations_, [](const auto& other) { return !other.second->is_known(); });
            if (stranger == conversations_.end()) {  // all are segments: the new one goes
                log(LogLevel::warn, "segments",
                    "a connection was turned away: there are " +
                        std::to_string(limits_.connections) + " already");
                return;
            }
            const ConversationPtr victim = stranger->second;
            victim->drop();
        }
        const std::uint64_t number = ++taken_;
        const auto conversation =
            std::make_shared<Conversation>(*this, number, wire_on(std::move(socket)));
        conversations_.emplace(number, conversation);
        count_open();
        conversation->begin();
    }

    std::unique_ptr<Wire> wire_on(tcp::socket socket) const {
        const std::lock_guard lock{mutex_};
        return tls_ ? tls_wire(std::move(socket), tls_) : plain_wire(std::move(socket));
    }

    void count_open() { open_.set(static_cast<double>(conversations_.size())); }

    /// The series is there before anybody asks.
    metrics::Counter& answered(unsigned status) {
        const auto [found, is_new] = answered_.try_emplace(status);
        if (is_new)
            found->second = registry_.counter("sluice_segments_requests_total",
                                              "Requests of segments, by status code of the answer",
                                              {{"code", std::to_string(status)}});
        return found->second;
    }

    const Limits limits_;
    metrics::Registry& registry_;
    metrics::Gauge open_;
    metrics::Counter sent_;
    metrics::Counter received_;
    std::map<unsigned, metrics::Counter> answered_;
    Room room_;

    asio::io_context context_{1};
    asio::executor_work_guard<asio::io_context::executor_type> work_;
    std::map<std::uint64_t, ConversationPtr> conversations_;  ///< in the order in which they came
    std::uint64_t taken_ = 0;
    std::map<std::string, Service*> services_;
    /// And still used.
    std::map<const Service*, std::shared_ptr<std::promise<void>>> withdrawn_;
    Listener listener_;

    mutable std::mutex mutex_;  // guards what follows
    std::map<std::string, std::shared_ptr<Counts>> counts_;
    Terms terms_;
    std::shared_ptr<asio::ssl::context> tls_;

    std::thread thread_;
};

Server::Server(metrics::Registry& registry) : Server(registry, Limits{}) {}
Server::Server(metrics::Registry& registry, const Limits& limits)
    : network_(std::make_unique<Network>(registry, limits)) {}
Server::~Server() = default;

void Server::listen(const std::string& address) {
    network_->listen(address);
}

std::string Server::move_to(const std::string& address) {
    return network_->move_to(address);
}

std::string Server::listening() const {
    return network_->listening();
}

std::string Server::adopt(const Terms& terms) {
    return network_->adopt(terms);
}

std::chrono::milliseconds Server::timeout() const {
    return network_->timeout();
}

std::string Server::url(const std::string& path) const {
    return network_->url(path);
}

std::shared_ptr<Server::Counts> Server::counts_of(const std::string& pipeline) {
    return network_->counts_of(pipeline);
}

void Server::forget_counts(const std::function<bool(const std::string& pipeline)>& stays) {
    network_->forget_counts(stays);
}

void Server::offer(const std::string& path, Service& service) {
    network_->offer(path, service);
}

void Server::withdraw(const std::string& path) {
    network_->withdraw(path);
}

}  // namespace sluice::segments
