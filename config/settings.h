#pragma once

#include "config/pipeline.h"

#include <string>
#include <string_view>
#include <vector>

/// What is configured as a list of keys and values: what reloads compare, revisions hash and
/// `sluice plan` shows. Every key of every section is here; whoever adds one adds it to
/// settings.cpp, or a reload would not see that it changed.
namespace sluice::config {

struct Setting {
    enum class Applies {
        in_place,    ///< a change takes effect while everything runs on
        by_restart,  ///< of the pipelines whose setting it is
    };
    enum class Shown { yes, never };

    std::string key;    ///< "batch.rows", "columns.city", "kafka.brokers"
    std::string value;  ///< in one canonical spelling
    Applies applies = Applies::by_restart;
    Shown shown = Shown::yes;  ///< never: it is a secret, or may hold one
    bool lets_in = false;      ///< a password, a token, a key: no hash of it is published
};

/// By key.
using Settings = std::vector<Setting>;

/// All that decides how this pipeline runs: [kafka], [cloudberry] and its own section.
[[nodiscard]] Settings settings_of(const Pipeline& pipeline);
/// The rest: [daemon], [admin], and what of the other sections no pipeline runs by.
[[nodiscard]] Settings process_settings_of(const Config& config);

/// One key whose value is not the same; an empty value: it was, or is, not there.
struct SettingChange {
    std::string key;
    std::string from;
    std::string to;
    Setting::Applies applies = Setting::Applies::by_restart;
    Setting::Shown shown = Setting::Shown::yes;
};
[[nodiscard]] std::vector<SettingChange> changes_between(const Settings& from, const Settings& to);
[[nodiscard]] bool needs_restart(const std::vector<SettingChange>& changes);
/// "batch.rows: 50000 → 1000", or the key alone where the values are not for eyes.
[[nodiscard]] std::string to_string(const SettingChange& change);

/// Each value that is never shown is replaced by a fingerprint of it, of 16 bits and with this
/// salt: enough to see that it changed, too little to find out what it is.
[[nodiscard]] Settings with_fingerprints(Settings settings, std::string_view salt);

}  // namespace sluice::config
