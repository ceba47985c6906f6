#include "daemon/commands/daemon_client.h"

#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

#include <string_view>

namespace sluice {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;

/// A status of thousands of partitions is some megabytes.
constexpr std::uint64_t longest_answer = 256u << 20;

struct HostPort {
    std::string authority;  ///< as it is written
    std::string host;
    std::string port = "80";  ///< of a URL without one
    std::string path;         ///< "/sluice", where a proxy has it below one
};

HostPort place_of(std::string_view text) {
    constexpr std::string_view scheme = "http://";
    if (text.starts_with(scheme)) text.remove_prefix(scheme.size());
    while (text.ends_with('/')) text.remove_suffix(1);
    HostPort place;
    place.authority = text.substr(0, text.find('/'));
    place.path = text.substr(place.authority.size());
    std::string& host = place.host = place.authority;
    if (const auto colon = host.rfind(':'); colon != std::string::npos && !host.ends_with(']')) {
        place.port = host.substr(colon + 1);
        host.resize(colon);
    }
    if (host.starts_with('[')) host = host.substr(1, host.size() - 2);
    if (host == "0.0.0.0") host = "127.0.0.1";
    if (host == "::") host = "::1";
    return place;
}

}  // namespace

std::optional<HttpResponse> ask_daemon(const std::string& address, const HttpRequest& question,
                                       std::chrono::milliseconds patience) {
    const HostPort place = place_of(address);
    asio::io_context context;
    beast::tcp_stream stream{context};
    beast::flat_buffer buffer;
    http::response_parser<http::string_body> parser;
    parser.body_limit(longest_answer);
    http::request<http::empty_body> request;
    request.method_string(question.method);
    request.target(place.path + question.target);
    request.set(http::field::host, place.authority);
    if (!question.authorization.empty())
        request.set(http::field::authorization, question.authorization);
    request.prepare_payload();
    bool answered = false;
    // tcp_stream's time limits are for asynchronous calls only, so these are.
    try {
        tcp::resolver resolver{context};
        stream.expires_after(patience);
        stream.async_connect(
            resolver.resolve(place.host, place.port),
            [&](const beast::error_code& failed, const tcp::endpoint&) {
                if (failed) return;
                http::async_write(stream, request,
                                  [&](const beast::error_code& not_sent, std::size_t) {
                                      if (not_sent) return;
                                      http::async_read(stream, buffer, parser,
                                                       [&](const beast::error_code& not_read,
                                                           std::size_t) { answered = !not_read; });
                                  });
            });
        context.run();
    } catch (const boost::system::system_error&) {
        return std::nullopt;
    }
    if (!answered || parser.get()[http::field::server] != "sluice") return std::nullopt;
    return HttpResponse{.status = static_cast<int>(parser.get().result_int()),
                        .content_type = std::string(parser.get()[http::field::content_type]),
                        .body = std::move(parser.get().body())};
}

}  // namespace sluice
