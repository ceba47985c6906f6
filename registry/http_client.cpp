#include "registry/http_client.h"

#include "pipeline/errors.h"
#include "schemas/base64.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>

#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

namespace sluice::registry {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace ssl = asio::ssl;
using asio::ip::tcp;
using config::Url;
using HttpRequest = http::request<http::string_body>;

/// A schema is some kilobytes.
constexpr std::size_t largest_answer = 16u << 20;

std::string authorization_for(const config::Registry& registry) {
    if (!registry.token.text.empty()) return "Bearer " + registry.token.text;
    if (registry.user.text.empty()) return {};
    return "Basic " + schemas::base64_of(registry.user.text + ":" + registry.password.text);
}

std::string text_of(const boost::system::error_code& error) {
    if (error == http::error::end_of_stream) return "it closed the connection";
    return error.message();
}

NoAnswer not_in_time(const Patience& patience) {
    return NoAnswer(patience.stop.stop_requested() ? "it was not waited for" : "no answer in time");
}

/// Asynchronous steps one after the other, as if they blocked, all of them within one patience.
class Steps {
public:
    explicit Steps(const Patience& patience) : patience_(patience) {}

    [[nodiscard]] asio::io_context& context() { return context_; }
    [[nodiscard]] const Patience& patience() const { return patience_; }
    /// `start` begins the step and hands it what it gets to call at its end, with the error first.
    template <class Start>
    void run(const Start& start) {
        std::optional<boost::system::error_code> ended;
        start([&ended](const boost::system::error_code& error, const auto&...) { ended = error; });
        context_.restart();
        {
            const std::stop_callback on_stop(patience_.stop, [this] { context_.stop(); });
            context_.run_until(patience_.until);
        }
        // What is still under way ends with the context, which is not run any more.
        if (!ended) throw not_in_time(patience_);
        if (*ended) throw NoAnswer(text_of(*ended));
    }

private:
    const Patience patience_;
    asio::io_context context_;
};

/// What becomes of looking up a name.
struct LookUp {
    std::mutex mutex;  // guards what follows
    std::condition_variable_any ended;
    bool has_ended = false;
    boost::system::error_code error;
    tcp::resolver::results_type addresses;
};

/// On a thread of its own, which is left behind where it takes too long: nobody can call off
/// getaddrinfo(), and the end of an io_context would wait for it, for half a minute where the name
/// server is away.
tcp::resolver::results_type addresses_of(const Url& server, const Patience& patience) {
    const auto look_up = std::make_shared<LookUp>();
    std::thread([look_up, host = server.host, port = server.port] {
        asio::io_context unused;
        boost::system::error_code error;
        auto addresses = tcp::resolver(unused).resolve(host, port, error);
        const std::lock_guard lock{look_up->mutex};
        look_up->error = error;
        look_up->addresses = std::move(addresses);
        look_up->has_ended = true;
        look_up->ended.notify_all();
    }).detach();
    std::unique_lock lock{look_up->mutex};
    if (!look_up->ended.wait_until(lock, patience.stop, patience.until,
                                   [&] { return look_up->has_ended; }))
        throw not_in_time(patience);
    if (look_up->error) throw NoAnswer(text_of(look_up->error));
    return look_up->addresses;
}

template <class Stream>
HttpAnswer exchange(Stream& stream, const HttpRequest& request, Steps& steps) {
    steps.run([&](const auto& ended) { http::async_write(stream, request, ended); });
    beast::flat_buffer buffer;
    http::response_parser<http::string_body> parser;
    parser.body_limit(largest_answer);
    steps.run([&](const auto& ended) { http::async_read(stream, buffer, parser, ended); });
    return {parser.get().result_int(), std::move(parser.get().body())};
}

bool is_address(const std::string& host) {
    boost::system::error_code error;
    static_cast<void>(asio::ip::make_address(host, error));
    return !error;
}

HttpAnswer ask(const Url& server, const HttpRequest& request, ssl::context& tls, Steps& steps) {
    const tcp::resolver::results_type addresses = addresses_of(server, steps.patience());
    const auto connect = [&](beast::tcp_stream& stream) {
        steps.run([&](const auto& ended) { stream.async_connect(addresses, ended); });
    };
    if (!server.secure) {
        beast::tcp_stream stream(steps.context());
        connect(stream);
        return exchange(stream, request, steps);
    }
    beast::ssl_stream<beast::tcp_stream> stream(steps.context(), tls);
    stream.set_verify_callback(ssl::host_name_verification(server.host));
    if (!is_address(server.host) &&
        SSL_set_tlsext_host_name(stream.native_handle(), server.host.c_str()) != 1)
        throw NoAnswer("TLS does not take its name");
    connect(beast::get_lowest_layer(stream));
    steps.run([&](const auto& ended) { stream.async_handshake(ssl::stream_base::client, ended); });
    return exchange(stream, request, steps);
}

}  // namespace

struct HttpClient::Tls {
    ssl::context context{ssl::context::tls_client};

    explicit Tls(const config::Registry& registry) {
        context.set_verify_mode(ssl::verify_peer);
        try {
            if (registry.ca.empty()) {
                context.set_default_verify_paths();
            } else {
                context.add_certificate_authority(asio::buffer(registry.ca));
            }
            if (registry.certificate.empty()) return;
            context.use_certificate_chain(asio::buffer(registry.certificate));
            context.use_private_key(asio::buffer(registry.key.text), ssl::context::pem);
        } catch (const boost::system::system_error& error) {
            throw WrongConfiguration(
                std::string("[registry]: TLS does not take ca, certificate or key: ") +
                error.code().message() + "; each is PEM, and the key has no password");
        }
    }
};

struct HttpClient::Request {
    HttpRequest http;
};

HttpClient::HttpClient(const config::Registry& registry)
    : tls_(std::make_unique<Tls>(registry)), authorization_(authorization_for(registry)) {}

HttpClient::~HttpClient() = default;

HttpAnswer HttpClient::get(const Url& server, const std::string& path,
                           const Patience& patience) const {
    return send(server, {HttpRequest(http::verb::get, server.path + path, 11)}, patience);
}

HttpAnswer HttpClient::post(const Url& server, const std::string& path, const std::string& json,
                            const Patience& patience) const {
    HttpRequest request(http::verb::post, server.path + path, 11, json);
    request.set(http::field::content_type, "application/vnd.schemaregistry.v1+json");
    request.prepare_payload();
    return send(server, {std::move(request)}, patience);
}

HttpAnswer HttpClient::send(const Url& server, Request request, const Patience& patience) const {
    HttpRequest& message = request.http;
    message.set(http::field::host, authority_of(server));
    message.set(http::field::accept,
                "application/vnd.schemaregistry.v1+json, application/json, */*");
    message.set(http::field::connection, "close");
    if (!authorization_.empty()) message.set(http::field::authorization, authorization_);
    Steps steps(patience);
    return ask(server, message, tls_->context, steps);
}

}  // namespace sluice::registry
