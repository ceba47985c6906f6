#include "daemon/imports/gpss_translation.h"

#include "config/load.h"
#include "daemon/imports/connection_text.h"
#include "daemon/imports/gpss_section.h"
#include "daemon/imports/toml_text.h"
#include "pipeline/errors.h"

#include <algorithm>
#include <utility>

namespace sluice {
namespace {

using toml_text::comment;

/// The environment's variable that a secret is taken from: KAFKA_SASL_PASSWORD.
std::string variable_of(std::string property) {
    std::ranges::transform(property, property.begin(), [](char c) {
        const bool is_letter = c >= 'a' && c <= 'z';
        return is_letter ? static_cast<char>(c - 'a' + 'A') : c == '.' ? '_' : c;
    });
    return "KAFKA_" + property;
}

/// What the configuration itself says of a property: whether it may be set, and is a secret.
struct PropertyJudgement {
    std::string problem{};
    bool is_secret = false;
};

PropertyJudgement judge(const std::string& name, const std::string& value) {
    constexpr int line = 4;
    const config::Loaded loaded =
        config::parse("[kafka]\nbrokers = \"b:1\"\n[kafka.properties]\n" + toml_text::quoted(name) +
                          " = " + toml_text::quoted(value) + "\n",
                      "");
    for (const config::Problem& problem : loaded.problems)
        if (problem.line == line) return {.problem = problem.text};
    const auto found = loaded.config.kafka.properties.find(name);
    return {.is_secret = found != loaded.config.kafka.properties.end() && found->second.secret};
}

std::string kafka_section(GpssJob& job) {
    std::string properties;
    for (const auto& [name, value] : job.properties) {
        const PropertyJudgement judgement = judge(name, value.text);
        if (!judgement.problem.empty()) {
            job.notes.push_back({value.line, judgement.problem});
            continue;
        }
        std::string shown = toml_text::quoted(value.text);
        if (judgement.is_secret) {
            shown = "{ env = \"" + variable_of(name) + "\" }";
            job.notes.push_back(
                {value.line,
                 name + " is left out: have it in the environment, as " + variable_of(name)});
        }
        properties += toml_text::quoted(name) + " = " + shown + "\n";
    }
    return "[kafka]\nbrokers = " +
           toml_text::quoted(job.brokers.is_there() ? job.brokers.text : "to-do:9092") + "\n" +
           (properties.empty() ? "" : "\n[kafka.properties]\n" + properties);
}

std::string cloudberry_section(GpssJob& job) {
    std::string dsn;
    const auto add = [&](const char* name, const YamlText& value) {
        if (!value.text.empty())
            dsn += (dsn.empty() ? "" : " ") + std::string(name) + "=" + conninfo_value(value.text);
    };
    add("host", job.host);
    add("port", job.port);
    add("dbname", job.database);
    add("user", job.user);
    if (job.password.is_there())
        job.notes.push_back({job.password.line,
                             "the password is left out: use passfile=, ~/.pgpass or PGPASSWORD, or "
                             "dsn = { env = … } as a whole"});
    return "\n[cloudberry]\ndsn = " + toml_text::quoted(dsn) + "\n";
}

/// What the values' and the keys' say, as far as it is there.
std::string registry_section(GpssJob& job) {
    const auto either = [&](YamlText GpssFormat::*member) -> const YamlText& {
        const YamlText& of_value = job.value.*member;
        return of_value.is_there() ? of_value : job.key.*member;
    };
    const YamlText& addresses = either(&GpssFormat::registry);
    if (!addresses.is_there()) return {};
    std::vector<std::string> urls = split_list(addresses.text);
    std::string credentials;
    for (std::string& url : urls) {
        const std::string own = taken_credentials(url);
        if (credentials.empty()) credentials = own;
    }
    if (!credentials.empty())
        job.notes.push_back({addresses.line,
                             "the registry's password is left out: have it in the environment, as "
                             "REGISTRY_PASSWORD"});
    std::string text = "\n[registry]\nurl = " + toml_text::quoted(joined_by_commas(urls)) + "\n" +
                       registry_login(credentials);
    const auto file = [&](const char* name, YamlText GpssFormat::*member) {
        const YamlText& path = either(member);
        if (!path.is_there()) return;
        text += std::string(name) + " = " + toml_text::quoted(path.text) + "\n";
        job.notes.push_back({path.line, "TO DO: " + path.text +
                                            " has to be here, and not on the database's hosts"});
    };
    file("ca", &GpssFormat::registry_ca);
    file("certificate", &GpssFormat::registry_certificate);
    file("key", &GpssFormat::registry_key);
    return text;
}

/// What all jobs have to have alike.
class SharedSection {
public:
    /// False: another one was there before.
    bool take(std::string section) {
        if (text_.empty())
            text_ = std::move(section);
        else if (!section.empty() && section != text_)
            return false;
        return true;
    }
    [[nodiscard]] const std::string& text() const { return text_; }

private:
    std::string text_;
};

}  // namespace

std::string to_toml(std::vector<GpssJob> jobs) {
    SharedSection kafka;
    SharedSection cloudberry;
    SharedSection registry;
    std::string pipelines;
    std::vector<std::string> names;
    for (GpssJob& job : jobs) {
        const char* other = nullptr;
        if (!kafka.take(kafka_section(job))) other = "Kafka";
        if (!cloudberry.take(cloudberry_section(job))) other = "database";
        if (!registry.take(registry_section(job))) other = "registry";
        if (other != nullptr) {
            pipelines += "\n" + comment("TO DO: " + job.file + " has another " + other +
                                        " and is left out: import it into another file.");
            continue;
        }
        names.push_back(toml_text::pipeline_name(
            {job.topic.text, job.topic.text + "_" + job.targets.front().table.text}, names));
        pipelines += section_of(std::move(job), names.back());
    }
    return comment("Made by sluice import-gpss.") + comment("Read it, then: sluice check -c FILE") +
           "\n" + kafka.text() + cloudberry.text() + registry.text() + pipelines;
}

}  // namespace sluice
