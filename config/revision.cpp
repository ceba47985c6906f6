#include "config/revision.h"

#include "config/settings.h"
#include "config/text/hash.h"

namespace sluice::config {
namespace {

constexpr std::size_t revision_digits = 12;

/// A hash of a few bytes that nobody should know would tell who guesses that he is right.
void add(const Setting& setting, Fnv1a& hash) {
    if (setting.lets_in) return;
    hash.text(setting.key);
    hash.text(setting.value);
}

}  // namespace

std::string revision_of(const Config& config) {
    Fnv1a hash;
    for (const Setting& setting : process_settings_of(config)) add(setting, hash);
    // Without pipelines, the sections that they share count as well.
    const Pipeline none{config.kafka, config.cloudberry, Outbox{}, config.registry};
    for (const Setting& setting : settings_of(none)) add(setting, hash);
    for (const auto& [key, pipeline] : pipelines_of(config)) {
        hash.text(key);
        for (const Setting& setting : settings_of(pipeline)) add(setting, hash);
    }
    return hash.digits(revision_digits);
}

std::string revision_of(const Pipeline& pipeline) {
    Fnv1a hash;
    hash.text(key_of(pipeline));
    for (const Setting& setting : settings_of(pipeline)) {
        if (setting.applies == Setting::Applies::by_restart) add(setting, hash);
    }
    return hash.digits(revision_digits);
}

}  // namespace sluice::config
