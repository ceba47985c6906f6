#include "registry/registry_client.h"

#include "pipeline/errors.h"

#include <algorithm>
#include <exception>
#include <stdexcept>

namespace sluice::registry {

namespace {

using namespace std::chrono_literals;
using config::Url;
using Kind = SchemaId::Kind;

/// A wrong registry is not asked again for each record.
constexpr auto unknown_for = 10s;
/// More than schemas refer to.
constexpr std::size_t most_references = 1000;

struct Unknown {};

std::string guid_text(const SchemaId& id) {
    const std::string text = describe(id);
    return text.substr(text.rfind(' ') + 1);
}

std::string path_of(const SchemaId& id) {
    switch (id.kind) {
        case Kind::guid:
            return "/schemas/guids/" + guid_text(id);
        case Kind::global_id:
            return "/ids/globalIds/" + std::to_string(id.number);
        case Kind::content_id:
            return "/ids/contentIds/" + std::to_string(id.number);
        case Kind::id:
            break;
    }
    return "/schemas/ids/" + std::to_string(id.number);
}

/// Apicurio has its own API beside the one that it has of Confluent's.
Url apicurio_of(Url server) {
    server.path = server.path.substr(0, server.path.find("/apis/ccompat/")) + "/apis/registry/v2";
    return server;
}

TroubleOfTheWorld strange_answer(const std::string& path, const std::invalid_argument& wrong) {
    return TroubleOfTheWorld("schema registry: its answer to " + path + " is " + wrong.what());
}

double seconds_since(std::chrono::steady_clock::time_point begin) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

}  // namespace

RegistryClient::RegistryClient(const config::Registry& registry, RegistryMetrics metrics)
    : has_credentials_(!registry.user.text.empty() || !registry.token.text.empty()),
      servers_(registry.urls),
      http_(registry),
      timeout_(registry.timeout),
      metrics_(std::move(metrics)) {}

RegistryClient::~RegistryClient() {
    const auto is_schema = [](const auto& known) { return known.second.schema != nullptr; };
    metrics_.schemas.add(-static_cast<double>(std::ranges::count_if(schemas_, is_schema)));
}

Patience RegistryClient::patience(std::stop_token stop) const {
    return {Clock::now() + timeout_, std::move(stop)};
}

RegistryClient::Found RegistryClient::find(const SchemaId& id, std::stop_token stop) {
    std::promise<Found> mine;
    std::shared_future<Found> another;
    {
        const std::lock_guard lock(mutex_);
        if (const Known* found = known(id)) return found->schema;
        const auto [at, is_first] = under_way_.try_emplace(id);
        if (is_first) {
            at->second = mine.get_future().share();
        } else {
            another = at->second;
        }
    }
    const auto begin = Clock::now();
    if (another.valid()) {
        while (another.wait_for(50ms) != std::future_status::ready)
            if (stop.stop_requested())
                throw TroubleOfTheWorld("schema registry: its answer was not waited for");
        metrics_.waited_seconds.add(seconds_since(begin));
        return another.get();
    }
    Found schema;
    std::exception_ptr failure;
    try {
        schema = fetch(id, patience(std::move(stop)));
    } catch (...) {
        failure = std::current_exception();
    }
    metrics_.waited_seconds.add(seconds_since(begin));
    {
        const std::lock_guard lock(mutex_);
        if (!failure) keep(id, schema);
        under_way_.erase(id);
    }
    if (failure) {
        mine.set_exception(failure);
        std::rethrow_exception(failure);
    }
    mine.set_value(schema);
    return schema;
}

const RegistryClient::Known* RegistryClient::known(const SchemaId& id) const {
    const auto found = schemas_.find(id);
    if (found == schemas_.end()) return nullptr;
    const Known& known = found->second;
    if (known.schema == nullptr && Clock::now() - known.at > unknown_for) return nullptr;
    return &known;
}

void RegistryClient::keep(const SchemaId& id, const Found& schema) {
    const auto now = Clock::now();
    if (schema == nullptr) {
        // Ids that are none come from records, and there may be any number of them.
        std::erase_if(schemas_, [&](const auto& known) {
            return known.second.schema == nullptr && now - known.second.at > unknown_for;
        });
    } else {
        metrics_.schemas.add(1);
    }
    schemas_[id] = {schema, now};
}

RegistryClient::Found RegistryClient::fetch(const SchemaId& id, const Patience& patience) {
    const bool of_apicurio = id.kind == Kind::global_id || id.kind == Kind::content_id;
    const Fetch fetch{
        of_apicurio ? &RegistryClient::fetch_apicurio : &RegistryClient::fetch_confluent, patience};
    try {
        auto schema = std::make_shared<const schemas::SchemaText>(
            whole((this->*fetch.one)(path_of(id), patience), fetch));
        metrics_.fetched.add();
        return schema;
    } catch (const Unknown&) {
        metrics_.unknown.add();
        return nullptr;
    } catch (...) {
        metrics_.failed.add();
        throw;
    }
}

std::optional<SubjectSchema> RegistryClient::latest(const std::string& subject,
                                                    std::stop_token stop) {
    return fetch_version("/subjects/" + escaped(subject) + "/versions/latest", std::move(stop));
}

std::optional<SubjectSchema> RegistryClient::version(const std::string& subject,
                                                     std::int64_t version) {
    return fetch_version("/subjects/" + escaped(subject) + "/versions/" + std::to_string(version));
}

std::optional<SubjectSchema> RegistryClient::fetch_version(const std::string& path,
                                                           std::stop_token stop) {
    try {
        const Patience all = patience(std::move(stop));
        const std::string body = ask({.path = path}, all);
        const VersionAnswer which = read_version(body);
        return SubjectSchema{which.id, which.version,
                             whole(read_schema(body), {&RegistryClient::fetch_confluent, all})};
    } catch (const Unknown&) {
        return std::nullopt;
    } catch (const std::invalid_argument& wrong) {
        throw strange_answer(path, wrong);
    }
}

std::optional<std::uint32_t> RegistryClient::id_of(const std::string& subject,
                                                   const schemas::SchemaText& schema) {
    const std::string path = "/subjects/" + escaped(subject);
    try {
        return read_version(ask({.path = path, .json = describe_schema(schema)}, patience())).id;
    } catch (const Unknown&) {
        return std::nullopt;
    } catch (const std::invalid_argument& wrong) {
        throw strange_answer(path, wrong);
    }
}

std::uint32_t RegistryClient::add(const std::string& subject, const schemas::SchemaText& schema) {
    const std::string path = "/subjects/" + escaped(subject) + "/versions";
    try {
        return read_version(ask({.path = path, .json = describe_schema(schema)}, patience())).id;
    } catch (const Unknown&) {
        throw TroubleOfTheWorld("schema registry: it does not take schemas at " + path);
    } catch (const std::invalid_argument& wrong) {
        throw strange_answer(path, wrong);
    }
}

SchemaAnswer RegistryClient::fetch_confluent(const std::string& path, const Patience& patience) {
    try {
        return read_schema(ask({.path = path}, patience));
    } catch (const std::invalid_argument& wrong) {
        throw strange_answer(path, wrong);
    }
}

SchemaAnswer RegistryClient::fetch_apicurio(const std::string& path, const Patience& patience) {
    SchemaAnswer answer;
    answer.schema.text = ask({.path = path, .of_apicurio = true}, patience);
    answer.schema.type = type_of(answer.schema.text);
    try {
        answer.references = read_apicurio_references(
            ask({.path = path + "/references", .of_apicurio = true}, patience));
    } catch (const std::invalid_argument& wrong) {
        throw strange_answer(path + "/references", wrong);
    }
    return answer;
}

schemas::SchemaText RegistryClient::whole(SchemaAnswer answer, const Fetch& fetch) {
    std::set<std::string> seen;
    add_references(answer.references, fetch, seen, answer.schema);
    return std::move(answer.schema);
}

/// Of several under one name, as versions of one subject often are, the first is meant by all, as
/// Confluent's clients have it.
void RegistryClient::add_references(const std::vector<Whereabouts>& references, const Fetch& fetch,
                                    std::set<std::string>& seen, schemas::SchemaText& to) {
    for (const Whereabouts& reference : references) {
        if (!seen.insert(reference.name).second) continue;
        if (seen.size() > most_references)
            throw TroubleOfTheWorld("schema registry: a schema refers to more than 1000 others");
        try {
            SchemaAnswer answer = (this->*fetch.one)(reference.path, fetch.patience);
            add_references(answer.references, fetch, seen, to);
            // Under two names it would define its types twice; Protobuf's files need their names.
            const bool is_there =
                to.type != schemas::SchemaType::protobuf &&
                std::ranges::find(to.references, answer.schema.text, &schemas::NamedSchema::text) !=
                    to.references.end();
            if (!is_there) to.references.push_back({reference.name, std::move(answer.schema.text)});
        } catch (const Unknown&) {
            throw TroubleOfTheWorld("schema registry: a schema refers to " + reference.path +
                                    ", which it does not have");
        }
    }
}

std::string RegistryClient::ask(const Question& question, const Patience& patience) {
    std::string troubles;
    const std::size_t first = server_;
    for (std::size_t i = 0; i < servers_.size(); ++i) {
        const std::size_t number = (first + i) % servers_.size();
        const Url server = question.of_apicurio ? apicurio_of(servers_[number]) : servers_[number];
        const auto now = Clock::now();
        const auto others = static_cast<int>(servers_.size() - i);
        const Patience share{now + (patience.until - now) / others, patience.stop};
        std::string trouble;
        try {
            HttpAnswer answer = question.json.empty()
                                    ? http_.get(server, question.path, share)
                                    : http_.post(server, question.path, question.json, share);
            if (answer.status == 200) {
                server_ = number;
                return std::move(answer.body);
            }
            // One of several may only not have heard of it yet.
            if (answer.status == 404 && says_unknown(answer.body)) continue;
            if (!question.json.empty() && (answer.status == 409 || answer.status == 422))
                throw WrongConfiguration("the schema registry refuses the schema: " +
                                         message_of(answer.body));
            trouble = "answers " + question.path + " with " + trouble_with(answer);
        } catch (const NoAnswer& none) {
            trouble = std::string("cannot be reached: ") + none.what();
        }
        troubles += (troubles.empty() ? "" : "; ") + to_string(server) + " " + trouble;
    }
    if (troubles.empty()) throw Unknown{};
    throw TroubleOfTheWorld("schema registry: " + troubles);
}

std::string RegistryClient::trouble_with(const HttpAnswer& answer) const {
    std::string text = "status " + std::to_string(answer.status);
    if (answer.status == 401 || answer.status == 403) {
        text += has_credentials_ ? "; see user and password, or token, in [registry]"
                                 : "; [registry] may lack user and password, or a token";
    } else if (answer.status == 404) {
        text += "; is its url in [registry] all of it, with the path?";
    } else if (answer.status >= 300 && answer.status < 400) {
        text += ", to be found elsewhere; write that url into [registry]";
    }
    return text;
}

std::shared_ptr<RegistryClient> client_of(const config::Registry& registry) {
    if (registry.urls.empty()) return nullptr;
    return std::make_shared<RegistryClient>(registry, RegistryMetrics{});
}

}  // namespace sluice::registry
