#include "registry/registry_client.h"

#include "pipeline/errors.h"
#include "tests/fixture/certificates.h"
#include "tests/fixture/http_fake.h"
#include "tests/fixture/ports.h"
#include "tests/fixture/process.h"
#include "tests/fixture/temp_dir.h"
#include "tests/fixture/wait.h"

#include <doctest/doctest.h>

#include <dlfcn.h>
#include <netdb.h>

#include <filesystem>
#include <future>
#include <thread>

using namespace sluice;
using namespace sluice::registry;
using fixture::HttpFake;

namespace {

config::Registry at(const std::vector<std::string>& urls) {
    config::Registry registry;
    for (const std::string& url : urls) registry.urls.push_back(config::parse_url(url));
    return registry;
}

SchemaId id(std::uint64_t number) {
    return {SchemaId::Kind::id, number, {}};
}

std::string trouble(RegistryClient& client, const SchemaId& id) {
    try {
        static_cast<void>(client.find(id));
    } catch (const TroubleOfTheWorld& error) {
        return error.what();
    }
    return "none";
}

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

/// Of names under .silent: it answers when the test has seen what it wants to.
class NameServer {
public:
    NameServer() { answer_ = told_.get_future().share(); }
    ~NameServer() { told_.set_value(); }
    static void await() { answer_.wait_for(fixture::patient(std::chrono::seconds(20))); }

private:
    std::promise<void> told_;
    static inline std::shared_future<void> answer_;
};

}  // namespace

/// In the place of the C library's.
extern "C" int getaddrinfo(const char* host, const char* service, const addrinfo* hints,
                           addrinfo** found) {
    if (host != nullptr && std::string_view(host).ends_with(".silent")) {
        NameServer::await();
        return EAI_AGAIN;
    }
    static const auto real =
        reinterpret_cast<decltype(&getaddrinfo)>(dlsym(RTLD_NEXT, "getaddrinfo"));
    return real(host, service, hints, found);
}

TEST_CASE("registry: a schema is fetched once, whoever asks for it") {
    HttpFake fake;
    fake.answer("/schemas/ids/7", {200, R"({"schema":"\"string\""})"});
    RegistryClient client(at({fake.url() + "/"}));
    std::vector<std::thread> lanes;
    for (int lane = 0; lane < 4; ++lane)
        lanes.emplace_back([&] { CHECK(client.find(id(7))->text == "\"string\""); });
    for (std::thread& lane : lanes) lane.join();
    CHECK(fake.count("/schemas/ids/7") == 1);
    CHECK(client.find(id(7))->type == schemas::SchemaType::avro);
}

TEST_CASE("registry: references come along, each after those that it needs, and only once") {
    HttpFake fake;
    fake.answer("/schemas/ids/1", {200, R"({"schema":"A","references":[
        {"name":"b","subject":"b/c d","version":2},{"name":"e","subject":"e","version":1}]})"});
    fake.answer("/subjects/b%2Fc%20d/versions/2", {200, R"({"schema":"B","references":[
        {"name":"e","subject":"e","version":1}]})"});
    fake.answer("/subjects/e/versions/1", {200, R"({"schema":"E"})"});
    RegistryClient client(at({fake.url()}));
    CHECK(client.find(id(1))->references ==
          std::vector<schemas::NamedSchema>{{"e", "E"}, {"b", "B"}});
    CHECK(fake.count("/subjects/e/versions/1") == 1);
}

TEST_CASE("registry: of references with one name the first is meant, and a text defines once") {
    HttpFake fake;
    fake.answer("/schemas/ids/1", {200, R"({"schema":"A","references":[
        {"name":"b","subject":"b","version":2},{"name":"c","subject":"c","version":1},
        {"name":"also b","subject":"b","version":2}]})"});
    fake.answer("/schemas/ids/2", {200, R"({"schemaType":"PROTOBUF","schema":"A","references":[
        {"name":"b","subject":"b","version":2},{"name":"also b","subject":"b","version":2}]})"});
    fake.answer("/subjects/b/versions/1", {200, R"({"schema":"B1"})"});
    fake.answer("/subjects/b/versions/2", {200, R"({"schema":"B2"})"});
    fake.answer("/subjects/c/versions/1", {200, R"({"schema":"C","references":[
        {"name":"b","subject":"b","version":1}]})"});
    RegistryClient client(at({fake.url()}));
    using References = std::vector<schemas::NamedSchema>;
    CHECK(client.find(id(1))->references == References{{"b", "B2"}, {"c", "C"}});
    CHECK(fake.count("/subjects/b/versions/1") == 0);
    // An import needs its file's name.
    CHECK(client.find(id(2))->references == References{{"b", "B2"}, {"also b", "B2"}});
}

TEST_CASE("registry: the kinds of schemas, GUIDs, and Apicurio's own ids") {
    HttpFake fake;
    fake.answer("/c/schemas/ids/1", {200, R"({"schemaType":"PROTOBUF","schema":"p"})"});
    fake.answer("/c/schemas/ids/2", {200, R"({"schemaType":"JSON","schema":"j"})"});
    fake.answer("/c/schemas/ids/3", {200, R"({"schemaType":"XML","schema":"x","references":[
        {"name":"b","subject":"b","version":1}]})"});
    fake.answer("/c/subjects/b/versions/1", {200, R"({"schemaType":"XML","schema":"b"})"});
    SchemaId guid{SchemaId::Kind::guid, 0, {}};
    for (unsigned char i = 0; i < 16; ++i) guid.guid[i] = i;
    fake.answer("/c/schemas/guids/00010203-0405-0607-0809-0a0b0c0d0e0f",
                {200, R"({"schema":"g"})"});
    RegistryClient client(at({fake.url() + "/c"}));
    CHECK(client.find(id(1))->type == schemas::SchemaType::protobuf);
    CHECK(client.find(id(2))->type == schemas::SchemaType::json);
    CHECK(client.find(id(3))->type == schemas::SchemaType::other);
    CHECK(client.find(guid)->text == "g");

    const std::string own = "/apis/registry/v2";
    fake.answer(own + "/ids/globalIds/5", {200, "\"long\""});
    fake.answer(own + "/ids/globalIds/5/references",
                {200, R"([{"groupId":"g","artifactId":"a","version":"3","name":"x"}])"});
    fake.answer(own + "/groups/g/artifacts/a/versions/3", {200, "R"});
    fake.answer(own + "/groups/g/artifacts/a/versions/3/references", {200, "[]"});
    RegistryClient apicurio(at({fake.url() + "/apis/ccompat/v7"}));
    const auto schema = apicurio.find({SchemaId::Kind::global_id, 5, {}});
    CHECK(schema->text == "\"long\"");
    CHECK(schema->references == std::vector<schemas::NamedSchema>{{"x", "R"}});
}

TEST_CASE("registry: only an answer that says so makes a schema unknown") {
    HttpFake fake;
    RegistryClient client(at({fake.url()}));
    CHECK(client.find(id(9)) == nullptr);
    CHECK(client.find(id(9)) == nullptr);
    CHECK(fake.count("/schemas/ids/9") == 1);
    fake.answer("/schemas/ids/8", {404, R"({"error_code":404,"message":"HTTP 404 Not Found"})"});
    CHECK(contains(trouble(client, id(8)), "with status 404; is its url in [registry] all of it"));
}

TEST_CASE("registry: what it cannot or will not answer is trouble of the world") {
    HttpFake fake;
    RegistryClient client(at({fake.url()}));
    fake.always(503);
    CHECK(contains(trouble(client, id(1)), fake.url() + " answers /schemas/ids/1 with status 503"));
    fake.always(401);
    CHECK(contains(trouble(client, id(1)), "may lack user and password, or a token"));
    fake.always(0);
    fake.answer("/schemas/ids/1", {200, "<html>hello</html>"});
    CHECK(contains(trouble(client, id(1)), "its answer to /schemas/ids/1 is not JSON"));
    // What failed is not remembered.
    fake.answer("/schemas/ids/1", {200, R"({"schema":"\"int\""})"});
    CHECK(client.find(id(1))->text == "\"int\"");

    RegistryClient nobody(at({"http://127.0.0.1:1"}));
    CHECK(contains(trouble(nobody, id(1)),
                   "http://127.0.0.1:1 cannot be reached: Connection refused"));
}

TEST_CASE("registry: of several servers, the next one is asked when one is away") {
    HttpFake fake;
    fake.answer("/schemas/ids/1", {200, R"({"schema":"\"int\""})"});
    RegistryClient client(at({"http://127.0.0.1:1", fake.url()}));
    CHECK(client.find(id(1))->text == "\"int\"");
}

TEST_CASE("registry: user and password, or a token, go along") {
    HttpFake fake;
    config::Registry registry = at({fake.url()});
    registry.user.text = "loader";
    registry.password.text = "secret";
    RegistryClient client(registry);
    CHECK(client.find(id(1)) == nullptr);
    CHECK(contains(fake.head(), "Authorization: Basic bG9hZGVyOnNlY3JldA=="));
    registry.token.text = "abc";
    RegistryClient other(registry);
    CHECK(other.find(id(1)) == nullptr);
    CHECK(contains(fake.head(), "Authorization: Bearer abc"));
}

TEST_CASE("registry: a server that does not answer is given up after a while") {
    HttpFake fake;
    fake.hang();
    config::Registry registry = at({fake.url()});
    registry.timeout = std::chrono::milliseconds(200);
    RegistryClient client(registry);
    CHECK(contains(trouble(client, id(1)), "cannot be reached: no answer in time"));
}

TEST_CASE("registry: a name server that does not answer is not waited for, either") {
    const NameServer silent;
    config::Registry registry = at({"http://registry.silent:1"});
    registry.timeout = std::chrono::milliseconds(200);
    const auto began = std::chrono::steady_clock::now();
    {
        RegistryClient client(registry);
        CHECK(contains(trouble(client, id(1)), "cannot be reached: no answer in time"));
    }
    CHECK(std::chrono::steady_clock::now() - began < fixture::patient(std::chrono::seconds(10)));
}

TEST_CASE("registry: one timeout is for a schema with its references, and for all servers") {
    using Clock = std::chrono::steady_clock;
    HttpFake silent;
    HttpFake other;
    silent.hang();
    other.answer("/schemas/ids/1", {200, R"({"schema":"\"int\""})"});
    config::Registry registry = at({silent.url(), other.url()});
    registry.timeout = std::chrono::seconds(1);
    RegistryClient client(registry);
    CHECK(client.find(id(1))->text == "\"int\"");  // with half of it left

    HttpFake slow;
    slow.answer("/schemas/ids/1", {200, R"({"schema":"A","references":[
        {"name":"b","subject":"b","version":1}]})"});
    slow.answer("/subjects/b/versions/1", {0, {}});
    config::Registry of_slow = at({slow.url(), silent.url()});
    of_slow.timeout = std::chrono::seconds(2);
    RegistryClient waits(of_slow);
    const auto begin = Clock::now();
    CHECK(contains(trouble(waits, id(1)), "no answer in time"));
    CHECK(Clock::now() - begin < fixture::patient(std::chrono::milliseconds(3500)));
}

TEST_CASE("registry: who is to stop does not wait for an answer, nor for another's") {
    HttpFake fake;
    fake.hang();
    config::Registry registry = at({fake.url()});
    registry.timeout = std::chrono::minutes(10);
    const auto client = std::make_shared<RegistryClient>(registry);
    std::stop_source stop;
    std::vector<std::thread> lanes;
    for (int lane = 0; lane < 2; ++lane)
        lanes.emplace_back([&] {
            StoppableRegistry seen(client, stop.get_token());
            CHECK_THROWS_AS(static_cast<void>(seen.find(id(1))), TroubleOfTheWorld);
        });
    fixture::wait_until([&] { return fake.count("/schemas/ids/1") > 0; },
                        fixture::patient(std::chrono::seconds(10)), "a request");
    stop.request_stop();
    for (std::thread& lane : lanes) lane.join();
    StoppableRegistry seen(client, stop.get_token());
    CHECK_THROWS_AS(static_cast<void>(seen.find(id(2))), TroubleOfTheWorld);
}

TEST_CASE("registry: several servers must agree that a schema is unknown") {
    HttpFake knows;
    HttpFake does_not;
    RegistryClient client(at({does_not.url(), knows.url()}));
    knows.answer("/schemas/ids/1", {200, R"({"schema":"\"int\""})"});
    CHECK(client.find(id(1))->text == "\"int\"");
    CHECK(client.find(id(2)) == nullptr);
    knows.always(500);
    CHECK(contains(trouble(client, id(3)), "with status 500"));
}

TEST_CASE("registry: a reference that is not there makes no schema unknown") {
    HttpFake fake;
    fake.answer("/schemas/ids/1", {200, R"({"schema":"A","references":[
        {"name":"b","subject":"b","version":1}]})"});
    RegistryClient client(at({fake.url()}));
    CHECK(contains(trouble(client, id(1)), "refers to /subjects/b/versions/1"));
}

TEST_CASE("registry: the latest version of a subject") {
    HttpFake fake;
    fake.answer("/subjects/o-value/versions/latest",
                {200, R"({"subject":"o-value","version":4,"id":7,"schema":"\"int\""})"});
    RegistryClient client(at({fake.url()}));
    const auto latest = client.latest("o-value");
    REQUIRE(latest);
    CHECK(latest->version == 4);
    CHECK(latest->schema.text == "\"int\"");
    CHECK_FALSE(client.latest("other-value"));
}

TEST_CASE("registry: over TLS, its certificate is checked, and ours goes along") {
    const fixture::TempDir directory("registry-tls");
    const auto certificates = fixture::make_certificates(directory.path());
    std::filesystem::create_directories(directory.path() / "schemas/ids");
    const std::string body = R"({"schema":"\"int\""})";
    fixture::write_file(
        directory.path() / "schemas/ids/1",
        "HTTP/1.0 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
    const std::uint16_t port = fixture::free_port();
    fixture::ProcessOptions options;
    options.argv = {"openssl",
                    "s_server",
                    "-quiet",
                    "-HTTP",
                    "-accept",
                    std::to_string(port),
                    "-cert",
                    certificates.server_certificate.string(),
                    "-key",
                    certificates.server_key.string(),
                    "-CAfile",
                    certificates.ca.string(),
                    "-verify_return_error",
                    "-Verify",
                    "1"};
    options.cwd = directory.path();
    fixture::Process server(options);
    config::Registry registry = at({"https://localhost:" + std::to_string(port)});
    registry.ca = fixture::read_file(certificates.ca);
    registry.certificate = fixture::read_file(certificates.server_certificate);
    registry.key.text = fixture::read_file(certificates.server_key);
    RegistryClient client(registry);
    fixture::wait_until([&] { return trouble(client, id(1)) == "none"; },
                        fixture::patient(std::chrono::seconds(10)), "an answer over TLS");
    CHECK(client.find(id(1))->text == "\"int\"");

    config::Registry without_ours = registry;
    without_ours.certificate.clear();
    RegistryClient nobody(without_ours);
    CHECK(contains(trouble(nobody, id(1)), "cannot be reached"));
    config::Registry without_ca = registry;
    without_ca.ca.clear();
    RegistryClient stranger(without_ca);
    CHECK(contains(trouble(stranger, id(1)), "certificate verify failed"));
    config::Registry nonsense = registry;
    nonsense.ca = "no PEM";
    CHECK_THROWS_AS(RegistryClient{nonsense}, WrongConfiguration);
}
