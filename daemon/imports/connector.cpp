#include "daemon/imports/connector.h"

#include "pipeline/errors.h"

#include <simdjson.h>

namespace sluice {
namespace {

namespace json_dom = simdjson::dom;

bool is_object(json_dom::object of, std::string_view key) {
    json_dom::object found;
    return of[key].get(found) == simdjson::SUCCESS;
}

std::string text_of(json_dom::element value) {
    std::string_view text;
    if (value.get(text) == simdjson::SUCCESS) return std::string(text);
    return simdjson::minify(value);
}

void read_configuration(json_dom::object configuration, std::string name,
                        std::vector<Connector>& all) {
    Connector& connector = all.emplace_back();
    for (const auto& [key, value] : configuration)
        connector.options[std::string(key)] = text_of(value);
    connector.name = std::move(name);
    if (const auto own = connector.options.find("name"); own != connector.options.end()) {
        if (connector.name.empty()) connector.name = own->second;
        connector.options.erase(own);
    }
    if (connector.name.empty()) connector.name = "connector";
}

/// False: it is none of the forms.
bool read_element(json_dom::element element, std::vector<Connector>& all) {
    json_dom::array array;
    if (element.get(array) == simdjson::SUCCESS) {
        for (const json_dom::element each : array)
            if (!read_element(each, all)) return false;
        return true;
    }
    json_dom::object object;
    if (element.get(object) != simdjson::SUCCESS) return false;
    json_dom::object configuration;
    if (object["config"].get(configuration) == simdjson::SUCCESS) {
        std::string_view name;
        if (object["name"].get(name) != simdjson::SUCCESS) name = {};
        read_configuration(configuration, std::string(name), all);
        return true;
    }
    if (object["connector.class"].error() == simdjson::SUCCESS) {
        read_configuration(object, {}, all);
        return true;
    }
    bool any = false;
    for (const auto& [name, connector] : object) {
        json_dom::object told;
        if (connector.get(told) != simdjson::SUCCESS || !is_object(told, "info")) return false;
        if (!read_element(told["info"], all)) return false;
        any = true;
    }
    return any;
}

}  // namespace

std::vector<Connector> read_connectors(std::string_view json, const std::string& file) {
    json_dom::parser parser;
    json_dom::element root;
    if (const auto error = parser.parse(json.data(), json.size()).get(root))
        throw WrongConfiguration(file + ": is no JSON: " + simdjson::error_message(error));
    std::vector<Connector> all;
    if (!read_element(root, all))
        throw WrongConfiguration(
            file +
            ": is no connector's configuration; it is an object with \"connector.class\", or one "
            "with such a \"config\", as GET /connectors/NAME answers");
    return all;
}

}  // namespace sluice
