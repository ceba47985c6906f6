#include "segments/table_path.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <charconv>
#include <new>

namespace sluice::segments {
namespace {

constexpr std::string_view digits = "0123456789abcdef";

/// Length first: a pipeline and a table cannot trade characters.
std::string with_length(std::string_view text) {
    return std::to_string(text.size()) + ';' + std::string(text);
}

/// Of tables of one kind: where their paths begin, and what is in their tokens beside the names.
struct Kind {
    std::string_view root;
    std::string_view salt;
};
constexpr Kind readable{table_root, "sluice sql"};
constexpr Kind writable{writable_root, "sluice sql --writable"};

std::string token_of(std::string_view secret, const Kind& kind, std::string_view of,
                     std::string_view table) {
    const std::string about = std::string(kind.salt) + with_length(of) + with_length(table);
    std::array<unsigned char, EVP_MAX_MD_SIZE> bytes{};
    unsigned size = 0;
    if (HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
             reinterpret_cast<const unsigned char*>(about.data()), about.size(), bytes.data(),
             &size) == nullptr)
        throw std::bad_alloc();  // the one way in which it can fail
    std::string token;
    for (unsigned i = 0; i < size; ++i) {
        token += digits[bytes[i] >> 4];
        token += digits[bytes[i] & 15];
    }
    return token;
}

std::optional<std::string> percent_decoded(std::string_view text) {
    std::string decoded;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            decoded += text[i];
            continue;
        }
        const std::string_view hex = text.substr(i + 1, 2);
        unsigned char byte = 0;
        const auto [end, error] = std::from_chars(hex.data(), hex.data() + hex.size(), byte, 16);
        if (hex.size() != 2 || error != std::errc() || end != hex.data() + 2) return std::nullopt;
        decoded += static_cast<char>(byte);
        i += 2;
    }
    return decoded;
}

std::vector<std::string_view> split(std::string_view text, char at) {
    std::vector<std::string_view> parts;
    for (;;) {
        const std::size_t end = text.find(at);
        parts.push_back(text.substr(0, end));
        if (end == std::string_view::npos) return parts;
        text.remove_prefix(end + 1);
    }
}

std::string path_of(std::string_view secret, const Kind& kind, std::string_view of,
                    std::string_view table) {
    return std::string(kind.root) + "/" + percent_encoded(of) + "/" + percent_encoded(table) + "/" +
           token_of(secret, kind, of, table);
}

std::optional<std::string> read_path(std::string_view path, std::string_view secret,
                                     const Kind& kind) {
    const auto parts = split(path, '/');
    if (secret.empty() || parts.size() != 5 || parts[1] != kind.root.substr(1)) return std::nullopt;
    auto of = percent_decoded(parts[2]);
    const auto table = percent_decoded(parts[3]);
    if (!of || !table) return std::nullopt;
    const std::string token = token_of(secret, kind, *of, *table);
    if (parts[4].size() != token.size() ||
        CRYPTO_memcmp(parts[4].data(), token.data(), token.size()) != 0)
        return std::nullopt;
    return of;
}

}  // namespace

std::string table_path(std::string_view secret, std::string_view pipeline, std::string_view table) {
    return path_of(secret, readable, pipeline, table);
}

std::string writable_path(std::string_view secret, std::string_view topic, std::string_view table) {
    return path_of(secret, writable, topic, table);
}

std::optional<std::string> pipeline_of(std::string_view path, std::string_view secret) {
    return read_path(path, secret, readable);
}

std::optional<std::string> topic_of(std::string_view path, std::string_view secret) {
    return read_path(path, secret, writable);
}

/// Names are encoded by themselves, so that none has a comma, and then the list once more.
std::string writing_query(std::string_view pipeline, const std::vector<std::string>& columns) {
    std::string list;
    for (const std::string& column : columns)
        list += (list.empty() ? "" : ",") + percent_encoded(column);
    const std::string by =
        pipeline.empty() ? std::string() : "pipeline=" + percent_encoded(pipeline) + "&";
    return "?" + by + "columns=" + percent_encoded(list);
}

std::optional<WrittenRows> read_writing_query(std::string_view query) {
    const auto values = read_query(query);
    if (!values) return std::nullopt;
    WrittenRows rows;
    for (const auto& [name, value] : *values) {
        if (name == "pipeline") {
            rows.pipeline = value;
        } else if (name == "columns") {
            for (const std::string_view part : split(value, ',')) {
                const auto column = percent_decoded(part);
                if (!column) return std::nullopt;
                rows.columns.push_back(*column);
            }
        } else {
            return std::nullopt;
        }
    }
    if (rows.columns.empty()) return std::nullopt;
    return rows;
}

std::string percent_encoded(std::string_view text) {
    constexpr std::string_view plain =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~";
    std::string encoded;
    for (const char c : text) {
        if (plain.find(c) != std::string_view::npos) {
            encoded += c;
            continue;
        }
        const auto byte = static_cast<unsigned char>(c);
        encoded += '%';
        encoded += digits[byte >> 4];
        encoded += digits[byte & 15];
    }
    return encoded;
}

std::optional<std::map<std::string, std::string>> read_query(std::string_view query) {
    std::map<std::string, std::string> values;
    if (query.empty()) return values;
    for (const std::string_view part : split(query, '&')) {
        const std::size_t equals = part.find('=');
        if (equals == std::string_view::npos) return std::nullopt;
        const auto value = percent_decoded(part.substr(equals + 1));
        if (!value || !values.emplace(part.substr(0, equals), *value).second) return std::nullopt;
    }
    return values;
}

}  // namespace sluice::segments
