#include "segments/channel.h"
#include "segments/server.h"
#include "sinks/load/segments/segment_transfer.h"
#include "tests/fixture/certificates.h"
#include "tests/fixture/fake_segments.h"
#include "tests/fixture/ports.h"
#include "tests/fixture/temp_dir.h"

#include <doctest/doctest.h>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/write.hpp>

#include <filesystem>
#include <string>

/// gpfdists: the same by mutual TLS, with certificates that are made on the fly.
namespace sluice::test {
namespace {

namespace asio = boost::asio;
using fixture::Certificates;
using fixture::SegmentRead;

/// What a segment gets that trusts `trusted` and has the certificate `own`; null: none.
SegmentRead read_by_tls(std::uint16_t port, const std::string& request, const Certificates& trusted,
                        const Certificates* own) {
    asio::io_context context;
    asio::ssl::context tls(asio::ssl::context::tls_client);
    tls.load_verify_file(trusted.ca.string());
    tls.set_verify_mode(asio::ssl::verify_peer);
    if (own != nullptr) {
        tls.use_certificate_file(own->server_certificate.string(), asio::ssl::context::pem);
        tls.use_private_key_file(own->server_key.string(), asio::ssl::context::pem);
    }
    asio::ssl::stream<asio::ip::tcp::socket> stream(context, tls);
    stream.next_layer().connect({asio::ip::address_v4::loopback(), port});
    std::string answer;
    boost::system::error_code error;
    stream.handshake(asio::ssl::stream_base::client, error);
    if (error) return {};
    asio::write(stream, asio::buffer(request), error);  // who is refused need not be read
    asio::read(stream, asio::dynamic_buffer(answer), error);
    return fixture::read_answer(answer);
}

struct Serving {
    [[nodiscard]] std::string adopt(const Certificates& files) {
        return server.adopt({.advertised = "127.0.0.1:" + std::to_string(port),
                             .certificate = fixture::read_file(files.server_certificate),
                             .key = fixture::read_file(files.server_key),
                             .ca = fixture::read_file(files.ca)});
    }
    [[nodiscard]] std::string request(const std::string& cid) const {
        const std::string location = channel.location();
        return fixture::segment_request({.path = location.substr(location.rfind('/')), .cid = cid});
    }

    metrics::Registry registry;
    const std::uint16_t port = fixture::free_port();
    segments::Server server{registry};
    segments::Channel channel{server, "orders"};
};

}  // namespace

TEST_CASE("segment server: by TLS, who has no certificate of the authority gets nothing") {
    const fixture::TempDir one{"tls"};
    const fixture::TempDir other{"tls"};
    const Certificates ours = fixture::make_certificates(one.path());
    const Certificates theirs = fixture::make_certificates(other.path());
    Serving serving;
    REQUIRE(serving.adopt(ours).empty());
    REQUIRE(serving.server.move_to("127.0.0.1:" + std::to_string(serving.port)).empty());
    CHECK(serving.channel.location().starts_with("gpfdists://127.0.0.1:"));
    CHECK(remedy_of_way(serving.server).find("--cert client.crt --key client.key https://127.") !=
          std::string::npos);
    EncodedRows rows;
    for (int i = 0; i < 100'000; ++i) {
        rows.bytes += std::to_string(i) + "\n";
        rows.rows.push_back({.record = 0, .end = rows.bytes.size()});
    }
    serving.channel.open(rows);
    const std::string request = serving.request("1");
    CHECK(read_by_tls(serving.port, request, ours, nullptr).status == 0);
    CHECK(read_by_tls(serving.port, request, ours, &theirs).status == 0);
    CHECK(read_by_tls(serving.port, request, theirs, &ours).status == 0);
    const SegmentRead read = read_by_tls(serving.port, request, ours, &ours);
    CHECK(read.whole);
    CHECK(read.rows == rows.bytes);
    CHECK(serving.channel.close().failure.empty());

    // Other certificates hold for connections from then on; what is no certificate, for none.
    serving.channel.open(rows);
    const std::string wrong =
        serving.server.adopt({.advertised = "h", .certificate = "-----BEGIN", .key = "x"});
    CHECK(wrong.find("certificate of [segments] cannot be used") != std::string::npos);
    REQUIRE(serving.adopt(theirs).empty());
    CHECK(read_by_tls(serving.port, serving.request("2"), ours, &ours).status == 0);
    CHECK(read_by_tls(serving.port, serving.request("2"), theirs, &theirs).whole);
    CHECK(serving.channel.close().failure.empty());
}

TEST_CASE("segment server: by TLS, who is refused while it still sends is told so") {
    const fixture::TempDir dir{"tls"};
    const Certificates files = fixture::make_certificates(dir.path());
    Serving serving;
    REQUIRE(serving.adopt(files).empty());
    REQUIRE(serving.server.move_to("127.0.0.1:" + std::to_string(serving.port)).empty());
    const std::string block(6u << 20, 'x');
    for (int time = 0; time < 5; ++time) {
        const SegmentRead read = read_by_tls(
            serving.port, fixture::segment_post({.path = "/nothing"}, 1, block), files, &files);
        CHECK(read.status == 404);
    }
}

}  // namespace sluice::test
