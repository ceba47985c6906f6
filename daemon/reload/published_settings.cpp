#include "daemon/reload/published_settings.h"

#include "daemon/report/report.h"

#include <simdjson.h>

#include <utility>

namespace sluice {
namespace {

using config::Setting;
using config::Settings;
using simdjson::dom::element;

void write(const Settings& settings, JsonWriter& json) {
    json.begin_array();
    for (const Setting& setting : settings) {
        json.begin_object().field("key", setting.key);
        json.field(setting.shown == Setting::Shown::yes ? "value" : "fingerprint", setting.value);
        json.field("in_place", setting.applies == Setting::Applies::in_place).end_object();
    }
    json.end_array();
}

std::string text_of(element object, std::string_view key) {
    return std::string(object[key].get_string().value());
}

// simdjson throws where a document is not as it should be.
Settings read(element array) {
    Settings settings;
    for (const element object : array.get_array()) {
        Setting& setting = settings.emplace_back();
        setting.key = text_of(object, "key");
        const bool shown = object["value"].error() == simdjson::SUCCESS;
        setting.value = text_of(object, shown ? "value" : "fingerprint");
        if (!shown) setting.shown = Setting::Shown::never;
        if (object["in_place"].get_bool().value()) setting.applies = Setting::Applies::in_place;
    }
    return settings;
}

PublishedSettings read_all(element root) {
    PublishedSettings published;
    published.salt = text_of(root, "salt");
    published.settings.revision = text_of(root, "revision");
    published.settings.process = read(root["process"]);
    for (const element pipeline : root["pipelines"].get_array()) {
        const std::string key = text_of(pipeline, "key");
        published.settings.pipelines[key] = read(pipeline["settings"]);
        if (pipeline["target"].error() == simdjson::SUCCESS) {
            published.targets[key] = text_of(pipeline, "target");
        }
    }
    return published;
}

}  // namespace

ConfiguredSettings with_fingerprints(ConfiguredSettings settings, std::string_view salt) {
    settings.process = config::with_fingerprints(std::move(settings.process), salt);
    for (auto& [key, its] : settings.pipelines) {
        its = config::with_fingerprints(std::move(its), salt);
    }
    return settings;
}

PublishedSettings publish(const config::Config& config, const SupervisorStatus& status,
                          std::string salt) {
    PublishedSettings published{std::move(salt), {}, {}};
    published.settings = with_fingerprints(settings_of(config), published.salt);
    for (const auto& [key, pipeline] : status.pipelines) {
        if (has_known_target(pipeline)) published.targets[key] = pipeline.target;
    }
    return published;
}

std::string to_json(const PublishedSettings& published) {
    JsonWriter json;
    json.begin_object().field("revision", published.settings.revision);
    json.field("salt", published.salt);
    write(published.settings.process, json.key("process"));
    json.key("pipelines").begin_array();
    for (const auto& [key, settings] : published.settings.pipelines) {
        json.begin_object().field("key", key);
        const auto target = published.targets.find(key);
        if (target != published.targets.end()) json.field("target", target->second);
        write(settings, json.key("settings"));
        json.end_object();
    }
    json.end_array().end_object();
    return json.text();
}

std::variant<PublishedSettings, std::string> parse_published(std::string_view json) {
    simdjson::dom::parser parser;
    try {
        return read_all(parser.parse(json.data(), json.size()));
    } catch (const simdjson::simdjson_error& error) {
        return std::string("these are not the settings of a daemon: ") + error.what();
    }
}

}  // namespace sluice
