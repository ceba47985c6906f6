#include "pipeline/values/masking.h"

#include "pipeline/values/utf8.h"

#include <openssl/evp.h>

#include <algorithm>
#include <memory>
#include <new>

namespace sluice {
namespace {

constexpr std::size_t hash_size = 32;

struct FreeDigest {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

}  // namespace

std::string_view salted_hash(std::string_view salt, std::string_view text, Scratch& scratch) {
    // A context costs more than the hash of a short text.
    thread_local const std::unique_ptr<EVP_MD_CTX, FreeDigest> context{EVP_MD_CTX_new()};
    char* const to = scratch.reserve(hash_size);
    const bool done =
        context && EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr) == 1 &&
        EVP_DigestUpdate(context.get(), salt.data(), salt.size()) == 1 &&
        EVP_DigestUpdate(context.get(), text.data(), text.size()) == 1 &&
        EVP_DigestFinal_ex(context.get(), reinterpret_cast<unsigned char*>(to), nullptr) == 1;
    if (!done) throw std::bad_alloc();  // the one way in which SHA-256 can fail
    return {to, hash_size};
}

std::string_view masked(std::string_view text, std::int32_t shown, Scratch& scratch) {
    const auto characters = static_cast<std::int64_t>(utf8::characters(text));
    const auto hidden = characters > shown ? characters - shown : characters;
    std::size_t end = text.size();  // of what is hidden
    for (auto left = characters - hidden; left > 0; --left) do
            --end;
        while (!utf8::begins_character(text[end]));
    const std::string_view rest = text.substr(end);
    const auto stars = static_cast<std::size_t>(hidden);
    char* const to = scratch.reserve(stars + rest.size());
    std::ranges::copy(rest, std::fill_n(to, stars, '*'));
    return {to, stars + rest.size()};
}

}  // namespace sluice
