#pragma once

#include "pipeline/decode/schema_source.h"
#include "pipeline/encode/subject_source.h"
#include "registry/answers.h"
#include "registry/http_client.h"
#include "registry/registry_metrics.h"

#include <atomic>
#include <chrono>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace sluice::registry {

/// Schemas from a registry with Confluent's API, or Apicurio's for its own ids, kept for ever: an
/// id never changes its meaning. Shared by the lanes of all pipelines: from any thread. A schema
/// that is there already is found at once; one that is not is asked for once, and whoever else
/// needs it waits along.
class RegistryClient : public SchemaSource, public SubjectSource {
public:
    /// Throws WrongConfiguration. Asks nobody yet.
    explicit RegistryClient(const config::Registry& registry, RegistryMetrics metrics = {});
    ~RegistryClient() override;

    [[nodiscard]] std::shared_ptr<const schemas::SchemaText> find(const SchemaId& id) override;

    /// None of these is kept. Each throws TroubleOfTheWorld.
    [[nodiscard]] std::optional<SubjectSchema> latest(const std::string& subject) override;
    /// nullopt: there is no such subject, or no such version of it.
    [[nodiscard]] std::optional<SubjectSchema> version(const std::string& subject,
                                                       std::int64_t version);
    /// The id that a schema has under a subject; nullopt: it is not there. It refers to no other.
    [[nodiscard]] std::optional<std::uint32_t> id_of(const std::string& subject,
                                                     const schemas::SchemaText& schema);
    /// As id_of(), after making it the subject's latest version where it is not there. Throws
    /// WrongConfiguration where the registry does not take it.
    [[nodiscard]] std::uint32_t add(const std::string& subject, const schemas::SchemaText& schema);

private:
    using Found = std::shared_ptr<const schemas::SchemaText>;
    using Clock = std::chrono::steady_clock;
    struct Known {
        Found schema;  ///< null: unknown, for a while
        Clock::time_point at;
    };

    /// Both with mutex_ held.
    [[nodiscard]] const Known* known(const SchemaId& id) const;
    void keep(const SchemaId& id, const Found& schema);

    [[nodiscard]] Found fetch(const SchemaId& id);
    [[nodiscard]] SchemaAnswer fetch_confluent(const std::string& path);
    [[nodiscard]] SchemaAnswer fetch_apicurio(const std::string& path);
    using Fetch = SchemaAnswer (RegistryClient::*)(const std::string&);
    void add_references(const std::vector<Whereabouts>& references, Fetch fetch_one,
                        std::vector<Whereabouts>& seen, std::vector<schemas::NamedSchema>& to);
    [[nodiscard]] std::optional<SubjectSchema> fetch_version(const std::string& path);
    /// What is asked of a server.
    struct Question {
        std::string path;
        bool of_apicurio = false;
        std::string json{};  ///< to be sent there; empty: it is only looked up
    };
    /// The body; asks one server after the other, beginning with the latest that answered. Throws
    /// TroubleOfTheWorld, or Unknown when all of them answer so, or WrongConfiguration when what
    /// was sent is refused.
    [[nodiscard]] std::string ask(const Question& question);
    [[nodiscard]] std::string trouble_with(const HttpAnswer& answer) const;

    const bool has_credentials_;
    const std::vector<config::Url> servers_;
    const HttpClient http_;
    std::atomic<std::size_t> server_ = 0;  // the latest that answered
    RegistryMetrics metrics_;

    mutable std::mutex mutex_;  // guards what is below
    std::map<SchemaId, Known> schemas_;
    std::map<SchemaId, std::shared_future<Found>> under_way_;
};

/// Null: none is configured. Throws WrongConfiguration.
[[nodiscard]] std::shared_ptr<RegistryClient> client_of(const config::Registry& registry);

}  // namespace sluice::registry
