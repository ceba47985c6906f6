#include "daemon/commands/daemon_client.h"

#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

namespace sluice {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;

/// A status of thousands of partitions is some megabytes.
constexpr std::uint64_t longest_answer = 256u << 20;

}  // namespace

std::optional<HttpResponse> ask_daemon(const std::string& address, const std::string& target,
                                       std::chrono::milliseconds patience) {
    const std::size_t colon = address.rfind(':');
    if (colon == std::string::npos) return std::nullopt;
    std::string host = address.substr(0, colon);
    if (host.starts_with('[')) host = host.substr(1, host.size() - 2);
    if (host == "0.0.0.0") host = "127.0.0.1";
    if (host == "::") host = "::1";

    asio::io_context context;
    beast::tcp_stream stream{context};
    beast::flat_buffer buffer;
    http::response_parser<http::string_body> parser;
    parser.body_limit(longest_answer);
    http::request<http::empty_body> request{http::verb::get, target, 11};
    request.set(http::field::host, address);
    bool answered = false;
    // tcp_stream's time limits are for asynchronous calls only, so these are.
    try {
        tcp::resolver resolver{context};
        stream.expires_after(patience);
        stream.async_connect(
            resolver.resolve(host, address.substr(colon + 1)),
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
