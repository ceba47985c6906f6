#include "registry/http_get.h"

#include "pipeline/errors.h"

#include <utility>  // missing in awaitable.hpp of Boost 1.74

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>

#include <openssl/evp.h>

#include <exception>

namespace sluice::registry {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace ssl = asio::ssl;
using asio::use_awaitable;
using asio::ip::tcp;
using config::Url;
using Request = http::request<http::empty_body>;

/// A schema is some kilobytes.
constexpr std::size_t largest_answer = 16u << 20;

std::string base64(const std::string& text) {
    std::string encoded(4 * ((text.size() + 2) / 3), '\0');
    EVP_EncodeBlock(reinterpret_cast<unsigned char*>(encoded.data()),
                    reinterpret_cast<const unsigned char*>(text.data()),
                    static_cast<int>(text.size()));
    return encoded;
}

std::string authorization_for(const config::Registry& registry) {
    if (!registry.token.text.empty()) return "Bearer " + registry.token.text;
    if (registry.user.text.empty()) return {};
    return "Basic " + base64(registry.user.text + ":" + registry.password.text);
}

template <class Stream>
asio::awaitable<HttpAnswer> exchange(Stream& stream, const Request& request) {
    co_await http::async_write(stream, request, use_awaitable);
    beast::flat_buffer buffer;
    http::response_parser<http::string_body> parser;
    parser.body_limit(largest_answer);
    co_await http::async_read(stream, buffer, parser, use_awaitable);
    co_return HttpAnswer{parser.get().result_int(), std::move(parser.get().body())};
}

bool is_address(const std::string& host) {
    boost::system::error_code error;
    static_cast<void>(asio::ip::make_address(host, error));
    return !error;
}

asio::awaitable<HttpAnswer> ask(const Url& server, const Request& request, ssl::context& tls,
                                std::chrono::milliseconds patience) {
    const auto executor = co_await asio::this_coro::executor;
    tcp::resolver resolver(executor);
    const auto addresses = co_await resolver.async_resolve(server.host, server.port, use_awaitable);
    if (!server.secure) {
        beast::tcp_stream stream(executor);
        stream.expires_after(patience);
        co_await stream.async_connect(addresses, use_awaitable);
        co_return co_await exchange(stream, request);
    }
    beast::ssl_stream<beast::tcp_stream> stream(executor, tls);
    stream.set_verify_callback(ssl::host_name_verification(server.host));
    if (!is_address(server.host) &&
        SSL_set_tlsext_host_name(stream.native_handle(), server.host.c_str()) != 1)
        throw NoAnswer("TLS does not take its name");
    beast::get_lowest_layer(stream).expires_after(patience);
    co_await beast::get_lowest_layer(stream).async_connect(addresses, use_awaitable);
    co_await stream.async_handshake(ssl::stream_base::client, use_awaitable);
    co_return co_await exchange(stream, request);
}

std::string text_of(const boost::system::error_code& error) {
    if (error == beast::error::timeout) return "no answer in time";
    if (error == http::error::end_of_stream) return "it closed the connection";
    return error.message();
}

}  // namespace

struct HttpGet::Tls {
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

HttpGet::HttpGet(const config::Registry& registry)
    : tls_(std::make_unique<Tls>(registry)),
      authorization_(authorization_for(registry)),
      patience_(registry.timeout) {}

HttpGet::~HttpGet() = default;

HttpAnswer HttpGet::get(const Url& server, const std::string& path) const {
    Request request(http::verb::get, server.path + path, 11);
    request.set(http::field::host, authority_of(server));
    request.set(http::field::accept,
                "application/vnd.schemaregistry.v1+json, application/json, */*");
    request.set(http::field::connection, "close");
    if (!authorization_.empty()) request.set(http::field::authorization, authorization_);
    HttpAnswer answer;
    std::exception_ptr failure;
    asio::io_context context;  // destroyed first: what runs in it refers to the rest
    asio::co_spawn(context, ask(server, request, tls_->context, patience_),
                   [&](std::exception_ptr error, HttpAnswer got) {
                       failure = std::move(error);
                       answer = std::move(got);
                   });
    // The name's resolution knows no deadline of its own.
    context.run_for(2 * patience_);
    try {
        if (failure) std::rethrow_exception(failure);
    } catch (const boost::system::system_error& error) {
        throw NoAnswer(text_of(error.code()));
    }
    if (answer.status == 0) throw NoAnswer("no answer in time");
    return answer;
}

}  // namespace sluice::registry
