#include "tests/unit/config_setup.h"

#include <doctest/doctest.h>
#include <stdlib.h>  // setenv

#include <filesystem>
#include <fstream>

namespace sluice::config {
namespace {

using namespace std::chrono_literals;
using namespace test;

/// A folder of its own, gone with the test.
class Folder {
public:
    Folder() {
        std::string name =
            (std::filesystem::temp_directory_path() / "sluice-config-XXXXXX").string();
        REQUIRE(mkdtemp(name.data()) != nullptr);
        path_ = name;
    }
    ~Folder() { std::filesystem::remove_all(path_); }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;

    inline std::filesystem::path write(const std::string& name, const std::string& content) {
        std::ofstream(path_ / name, std::ios::binary) << content;
        return path_ / name;
    }
    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

private:
    std::filesystem::path path_;
};

TEST_CASE("config: strings come from the environment, and are secret then") {
    setenv("SLUICE_TEST_VALUE", "dbname=hidden", 1);
    unsetenv("SLUICE_TEST_UNSET");
    const std::string from_env = "{ env = 'SLUICE_TEST_VALUE' }";
    CHECK(accepted(kafka + "[cloudberry]\ndsn = " + from_env + "\n").cloudberry.dsn ==
          Secret{"dbname=hidden", true});
    const Config config =
        accepted(cloudberry + kafka + "[kafka.properties]\na.b = " + from_env + "\n");
    CHECK(config.kafka.properties.at("a.b") == Secret{"dbname=hidden", true});
    CHECK(problem_of(kafka + "[cloudberry]\ndsn = { env = 'SLUICE_TEST_UNSET' }\n") ==
          "sluice.toml:4:15: environment variable \"SLUICE_TEST_UNSET\" is not set; set it for "
          "\"dsn\"");
}

TEST_CASE("config: a plain string from the environment resolves, and is not shown when wrong") {
    setenv("SLUICE_TEST_VALUE", "latest", 1);
    const std::string from_env = "{ env = 'SLUICE_TEST_VALUE' }\n";
    CHECK(accepted_pipeline("start = " + from_env).start.kind == Start::Kind::latest);
    setenv("SLUICE_TEST_VALUE", "hidden text", 1);
    for (const std::string key : {"start", "format", "memory", "on_reject"}) {
        const std::string text = problem_of(pipeline + key + " = " + from_env);
        CAPTURE(text);
        CHECK(contains(text, "the value of environment variable SLUICE_TEST_VALUE"));
        CHECK_FALSE(contains(text, "hidden"));
    }
    setenv("SLUICE_TEST_VALUE", "@hidden", 1);
    const std::string text = problem_of(pipeline + "columns.a = " + from_env);
    CHECK(contains(text, "column \"a\": the value of environment variable SLUICE_TEST_VALUE"));
    CHECK_FALSE(contains(text, "hidden"));
    setenv("SLUICE_TEST_VALUE", "field", 1);
    const Ingest ingest = accepted_pipeline("columns.a = " + from_env);
    CHECK(ingest.columns.at(0).source.path == std::vector<std::string>{"field"});
    CHECK_FALSE(contains(ingest.columns.at(0).source.text, "field"));
}

TEST_CASE("config: strings come from files beside the configuration, without their newline") {
    Folder folder;
    folder.write("dsn", "dbname=hidden\n");
    const auto load_with = [&](const std::string& dsn) {
        return load(folder.write("sluice.toml", kafka + "[cloudberry]\ndsn = " + dsn + "\n"));
    };
    CHECK(load_with("{ file = 'dsn' }").config.cloudberry.dsn == Secret{"dbname=hidden", true});
    folder.write("dsn", "two\nlines\r\n");
    const std::string absolute = (folder.path() / "dsn").string();
    CHECK(load_with("{ file = '" + absolute + "' }").config.cloudberry.dsn ==
          Secret{"two\nlines", true});

    const auto problem_with = [&](const std::string& dsn) {
        const auto loaded = load_with(dsn);
        REQUIRE(loaded.problems.size() == 1);
        CHECK(loaded.problems[0].file == (folder.path() / "sluice.toml").string());
        CHECK(loaded.problems[0].line == 4);
        return loaded.problems[0].text;
    };
    CHECK(contains(problem_with("{ file = 'nope' }"), "nope\": No such file or directory"));
    CHECK(contains(problem_with("{ file = '.' }"), "is not a file"));
    folder.write("dsn", std::string((1u << 20) + 1, 'x'));
    CHECK(contains(problem_with("{ file = 'dsn' }"), "is larger than 1MiB"));
    folder.write("dsn", std::string("a\0b", 3));
    CHECK(contains(problem_with("{ file = 'dsn' }"), "\"dsn\" contains a NUL character"));
    folder.write("dsn", "\n");
    CHECK(contains(problem_with("{ file = 'dsn' }"), "\"dsn\" is empty"));
}

TEST_CASE("config: a reference that is none is a problem") {
    const auto with_dsn = [](const std::string& dsn) {
        return kafka + "[cloudberry]\ndsn = " + dsn + "\n";
    };
    CHECK(contains(problem_of(with_dsn("{ env = 'A', file = 'b' }")), "has both env and file"));
    CHECK(problem_of(with_dsn("{ env = 5 }")) ==
          "sluice.toml:4:15: \"env\" must be a string, not an integer; for example: dsn = { env = "
          "\"NAME\" }");
    CHECK(contains(problem_of(with_dsn("{ file = '' }")), "\"file\" names nothing"));
    CHECK(contains(problem_of(with_dsn("{ var = 'A' }")), "\"dsn\" must be a string, not a table"));
    setenv("SLUICE_TEST_VALUE", "x", 1);
    CHECK(contains(problem_of(with_dsn("{ env = 'SLUICE_TEST_VALUE', fil = 'x' }")),
                   "unknown key \"fil\"; did you mean \"file\"?"));
}

TEST_CASE("config: a password in the file is marked as a secret too") {
    const auto dsn = [](const std::string& text) {
        return accepted(kafka + "[cloudberry]\ndsn = '" + text + "'\n").cloudberry.dsn.secret;
    };
    CHECK(dsn("host=h password=p"));
    CHECK(dsn("postgresql://u:p@h/d"));
    CHECK_FALSE(dsn("host=h"));
    const auto property = [](const std::string& name) {
        return accepted(kafka + "[kafka.properties]\n\"" + name + "\" = 'x'\n" + cloudberry)
            .kafka.properties.at(name)
            .secret;
    };
    for (const char* name :
         {"sasl.password", "ssl.key.password", "ssl.keystore.password", "ssl.key.pem",
          "sasl.oauthbearer.config", "sasl.oauthbearer.client.secret",
          "sasl.oauthbearer.assertion.private.key.passphrase"}) {
        CHECK_MESSAGE(property(name), name);
    }
    CHECK_FALSE(property("sasl.username"));
}

TEST_CASE("config: a file that cannot be read is one problem without a line") {
    const auto loaded = load("/nonexistent/sluice.toml");
    REQUIRE(loaded.problems.size() == 1);
    CHECK(to_string(loaded.problems[0]) ==
          "/nonexistent/sluice.toml: cannot be read: No such file or directory; see --config");
    CHECK(load(std::filesystem::temp_directory_path()).problems.size() == 1);
}

}  // namespace
}  // namespace sluice::config
