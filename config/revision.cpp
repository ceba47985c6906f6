#include "config/revision.h"

#include "config/hash.h"
#include "config/settings.h"

#include <cstdio>

namespace sluice::config {
namespace {

std::string digits_of(const Fnv1a& hash) {
    char digits[13];
    std::snprintf(digits, sizeof digits, "%012llx",
                  static_cast<unsigned long long>(hash.folded_to_48()));
    return digits;
}

void add(const Setting& setting, Fnv1a& hash) {
    hash.text(setting.key);
    hash.text(setting.value);
}

}  // namespace

std::string revision_of(const Config& config) {
    Fnv1a hash;
    for (const Setting& setting : process_settings_of(config)) add(setting, hash);
    // Without pipelines, [kafka] and [cloudberry] count as well.
    const Pipeline none{config.kafka, config.cloudberry, Outbox{}};
    for (const Setting& setting : settings_of(none)) add(setting, hash);
    for (const auto& [key, pipeline] : pipelines_of(config)) {
        hash.text(key);
        for (const Setting& setting : settings_of(pipeline)) add(setting, hash);
    }
    return digits_of(hash);
}

std::string revision_of(const Pipeline& pipeline) {
    Fnv1a hash;
    hash.text(key_of(pipeline));
    for (const Setting& setting : settings_of(pipeline)) {
        if (setting.applies == Setting::Applies::by_restart) add(setting, hash);
    }
    return digits_of(hash);
}

}  // namespace sluice::config
