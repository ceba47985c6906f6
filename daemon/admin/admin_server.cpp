#include "daemon/admin/admin_server.h"

#include "daemon/admin/problem.h"
#include "network/listener.h"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

#include <future>
#include <list>
#include <map>
#include <optional>
#include <thread>

namespace sluice {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;
using boost::system::error_code;

using Request = http::request<http::string_body>;
using Response = http::response<http::string_body>;

bool only_reads(const Request& request) {
    return request.method() == http::verb::get || request.method() == http::verb::head;
}

Response wire_form(const Request& request, HttpResponse answer) {
    Response response{http::int_to_status(static_cast<unsigned>(answer.status)), request.version()};
    response.set(http::field::server, "sluice");
    response.set(http::field::content_type, answer.content_type);
    response.set(http::field::cache_control, "no-store");
    response.set("X-Content-Type-Options", "nosniff");
    if (!answer.field_name.empty()) response.set(answer.field_name, answer.field_value);
    response.keep_alive(request.keep_alive());
    response.content_length(answer.body.size());
    if (request.method() != http::verb::head) response.body() = std::move(answer.body);
    return response;
}

/// What is wrong with what arrived; nullopt: nobody is there to be told.
std::optional<HttpResponse> complaint_about(const error_code& error) {
    if (error == http::error::header_limit || error == http::error::buffer_overflow) {
        return problem(431, "the header is too long");
    }
    if (error == http::error::body_limit) {
        return problem(413, "the body is too long");
    }
    // The codes of a parser, save those that say that the client has gone.
    const bool of_parser = error.category() == error_code(http::error::bad_method).category();
    if (!of_parser || error == http::error::end_of_stream ||
        error == http::error::partial_message) {
        return std::nullopt;
    }
    return problem(400, "this is not HTTP/1.1: " + error.message());
}

}  // namespace

/// Everything but the handler happens on one thread; shared_ptrs keep a connection for as long as
/// an operation on it is under way, as Asio wants it.
class AdminServer::Network {
public:
    Network(metrics::Registry& registry, Handler handler, const Limits& limits)
        : limits_(limits),
          handler_(std::move(handler)),
          registry_(registry),
          open_(registry.gauge("sluice_admin_connections", "Open connections")),
          closed_for_room_(
              registry.counter("sluice_admin_closed_connections_total",
                               "Connections closed because there were too many and they waited "
                               "longest")),
          work_(asio::make_work_guard(context_)),
          listener_(context_,
                    {.who = "admin server",
                     .remedy = "set another address as listen in [admin], or \"\" for none",
                     .again = limits.listen_again,
                     .on_connection = [this](tcp::socket socket) { take(std::move(socket)); }}) {
        answered(200);
        thread_ = std::thread{[this] { listener_.run(); }};
    }

    ~Network() {
        asio::post(context_, [this] {
            listener_.stop();
            for (const auto& connection : connections_) close(*connection);
            work_.reset();
        });
        readers_.join();
        writers_.join();
        context_.stop();
        thread_.join();
    }

    void listen(const std::string& address) {
        asio::post(context_, [this, address] { listener_.listen(address); });
    }

    std::string move_to(const std::string& address) {
        std::promise<std::string> problem;
        asio::post(context_, [&] { problem.set_value(listener_.move_to(address)); });
        return problem.get_future().get();
    }

    std::string listening() const { return listener_.listening(); }

private:
    struct Connection {
        Connection(tcp::socket socket, const Limits& limits)
            : stream(std::move(socket)), buffer(limits.header_bytes + limits.body_bytes) {}
        beast::tcp_stream stream;
        beast::flat_buffer buffer;
        std::optional<http::request_parser<http::string_body>> parser;
        std::optional<Response> response;
        bool waits = true;  ///< for its client, rather than its client for us
    };
    using ConnectionPtr = std::shared_ptr<Connection>;

    /// An exception ends one handler; if it was the one that accepts, there would be no other.
    void take(tcp::socket socket) {
        make_room();
        connections_.push_back(std::make_shared<Connection>(std::move(socket), limits_));
        open_.set(static_cast<double>(connections_.size()));
        read(connections_.back(), limits_.patience);
    }

    void make_room() {
        while (connections_.size() >= limits_.connections) {
            // The front has waited longest; those that are being answered stand among them.
            auto victim = connections_.begin();
            while (victim != connections_.end() && !(*victim)->waits) ++victim;
            if (victim == connections_.end()) victim = connections_.begin();
            closed_for_room_.add();
            close(**victim);
            connections_.erase(victim);
        }
    }

    static void close(Connection& connection) {
        error_code ignored;
        connection.stream.socket().shutdown(tcp::socket::shutdown_both, ignored);
        connection.stream.close();
    }

    void forget(const ConnectionPtr& connection) {
        connections_.remove(connection);
        open_.set(static_cast<double>(connections_.size()));
    }

    void read(const ConnectionPtr& connection, std::chrono::milliseconds patience) {
        connection->waits = true;
        connection->parser.emplace();
        connection->parser->header_limit(static_cast<std::uint32_t>(limits_.header_bytes));
        connection->parser->body_limit(limits_.body_bytes);
        connection->stream.expires_after(patience);
        http::async_read(connection->stream, connection->buffer, *connection->parser,
                         [this, connection](const error_code& error, std::size_t) {
                             on_read(connection, error);
                         });
    }

    void on_read(const ConnectionPtr& connection, const error_code& error) {
        if (error) {
            auto complaint = complaint_about(error);
            if (!complaint) return forget(connection);
            Request nothing;
            nothing.version(11);
            nothing.keep_alive(false);
            return write(connection, wire_form(nothing, std::move(*complaint)));
        }
        connection->waits = false;
        connection->stream.expires_never();
        asio::thread_pool& pool = only_reads(connection->parser->get()) ? readers_ : writers_;
        asio::post(pool, [this, connection] {
            Response response = answer(connection->parser->get());
            asio::post(context_, [this, connection, response = std::move(response)]() mutable {
                write(connection, std::move(response));
            });
        });
    }

    Response answer(const Request& request) {
        HttpResponse answer;
        try {
            answer = handler_({.method = std::string(request.method_string()),
                               .target = std::string(request.target()),
                               .authorization = std::string(request[http::field::authorization])});
        } catch (const std::exception& error) {
            answer = problem(500, error.what());
        }
        return wire_form(request, std::move(answer));
    }

    void write(const ConnectionPtr& connection, Response response) {
        answered(response.result_int()).add();
        connection->response.emplace(std::move(response));
        connection->stream.expires_after(limits_.patience);
        http::async_write(connection->stream, *connection->response,
                          [this, connection](const error_code& error, std::size_t) {
                              on_written(connection, error);
                          });
    }

    void on_written(const ConnectionPtr& connection, const error_code& error) {
        const bool again = !error && connection->response->keep_alive();
        connection->response.reset();
        if (!again) {
            close(*connection);
            return forget(connection);
        }
        // The one that was answered last has waited least.
        connections_.remove(connection);
        connections_.push_back(connection);
        read(connection, limits_.idle);
    }

    /// The series is there before anybody asks.
    metrics::Counter& answered(unsigned status) {
        const auto [found, is_new] = answered_.try_emplace(status);
        if (is_new) {
            found->second = registry_.counter("sluice_admin_requests_total",
                                              "Requests answered, by status code",
                                              {{"code", std::to_string(status)}});
        }
        return found->second;
    }

    const Limits limits_;
    const Handler handler_;
    metrics::Registry& registry_;
    metrics::Gauge open_;
    metrics::Counter closed_for_room_;
    std::map<unsigned, metrics::Counter> answered_;

    asio::io_context context_{1};
    asio::executor_work_guard<asio::io_context::executor_type> work_;
    Listener listener_;
    std::list<ConnectionPtr> connections_;  ///< those that have waited longest in front

    std::thread thread_;
    asio::thread_pool readers_{1};
    asio::thread_pool writers_{1};
};

AdminServer::AdminServer(metrics::Registry& registry, Handler handler)
    : AdminServer(registry, std::move(handler), Limits{}) {}
AdminServer::AdminServer(metrics::Registry& registry, Handler handler, const Limits& limits)
    : network_(std::make_unique<Network>(registry, std::move(handler), limits)) {}
AdminServer::~AdminServer() = default;

void AdminServer::listen(const std::string& address) {
    network_->listen(address);
}

std::string AdminServer::move_to(const std::string& address) {
    return network_->move_to(address);
}

std::string AdminServer::listening() const {
    return network_->listening();
}

}  // namespace sluice
