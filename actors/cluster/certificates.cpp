#include "actors/cluster/certificates.hpp"

#include "actors/cluster/limits.hpp"
#include "base/errno_text.hpp"
#include "base/result.hpp"
#include "domain/ids.hpp"
#include "persistence/files.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <memory>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <span>
#include <sstream>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace darkroom::actors {

namespace {

template<auto Free>
struct freer {
  template<class T>
  void operator()(T* object) const {
    Free(object);
  }
};
using key_pointer = std::unique_ptr<EVP_PKEY, freer<EVP_PKEY_free>>;
using certificate_pointer = std::unique_ptr<X509, freer<X509_free>>;
using text_pointer = std::unique_ptr<BIO, freer<BIO_free_all>>;

std::unexpected<std::string> wrong(const std::string& what) {
  return std::unexpected(what);
}

std::unexpected<std::string> openssl_error(const std::string& action) {
  std::array<char, 256> text{};
  ::ERR_error_string_n(::ERR_get_error(), text.data(), text.size());
  ::ERR_clear_error();
  return wrong(action + ": " + text.data());
}

std::string taken(const text_pointer& from) {
  char* data = nullptr;
  const auto size = BIO_get_mem_data(from.get(), &data);
  return size > 0 ? std::string(data, static_cast<std::size_t>(size)) : std::string{};
}

std::string pem_of(X509* certificate) {
  const text_pointer out(::BIO_new(::BIO_s_mem()));
  ::PEM_write_bio_X509(out.get(), certificate);
  return taken(out);
}

std::string pem_of(EVP_PKEY* key) {
  const text_pointer out(::BIO_new(::BIO_s_mem()));
  ::PEM_write_bio_PKCS8PrivateKey(out.get(), key, nullptr, nullptr, 0, nullptr, nullptr);
  return taken(out);
}

base::result<std::string, std::string> content_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return wrong(path + ": " + base::errno_text(errno));
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

// Whole or not at all, and for its owner alone.
cluster_result write_private(const std::string& path, const std::string& content) {
  const auto part = path + ".part";
  const base::unique_fd file{::open(part.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)};
  if (!file) return wrong(part + ": " + base::errno_text(errno));
  const auto bytes =
      std::span(reinterpret_cast<const std::uint8_t*>(content.data()), content.size());
  if (auto ok = persistence::write_all(file.get(), bytes, part); !ok)
    return wrong(ok.error().text());
  if (::fsync(file.get()) != 0) return wrong(part + ": " + base::errno_text(errno));
  if (auto ok = persistence::rename_file(part, path, true); !ok) return wrong(ok.error().text());
  if (auto ok = persistence::sync_directory(persistence::parent_of(path)); !ok)
    return wrong(ok.error().text());
  return {};
}

struct authority {
  certificate_pointer certificate;
  key_pointer key;
};

struct certificate_wish {
  std::string name;
  std::string usage;              // extended key usage
  std::vector<std::string> hosts; // for the server
  int days = 0;
};

bool is_address(const std::string& host) {
  ASN1_OCTET_STRING* address = ::a2i_IPADDRESS(host.c_str());
  const bool is = address != nullptr;
  ::ASN1_OCTET_STRING_free(address);
  ::ERR_clear_error();
  return is;
}

bool add_extension(X509* to, X509* issuer, int kind, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, to, nullptr, nullptr, 0);
  std::unique_ptr<X509_EXTENSION, freer<X509_EXTENSION_free>> extension(
      ::X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str()));
  return extension && ::X509_add_ext(to, extension.get(), -1) == 1;
}

// Signed by the authority, or by itself if there is none yet.
base::result<certificate_pointer, std::string> sign(const certificate_wish& wish, EVP_PKEY* key,
                                                    const authority* by) {
  certificate_pointer made(::X509_new());
  if (!made) return openssl_error("making a certificate");
  std::array<std::uint8_t, 16> serial{};
  if (::RAND_bytes(serial.data(), serial.size()) != 1) return openssl_error("random bytes");
  serial[0] &= 0x7f; // it is a positive number
  serial[0] |= 0x40;
  std::unique_ptr<BIGNUM, freer<BN_free>> number(
      ::BN_bin2bn(serial.data(), serial.size(), nullptr));
  ::BN_to_ASN1_INTEGER(number.get(), ::X509_get_serialNumber(made.get()));
  ::X509_set_version(made.get(), X509_VERSION_3);
  constexpr long day_s = 24 * 3'600;
  // Clocks differ: a new one holds for a machine that is an hour behind.
  ::X509_gmtime_adj(::X509_getm_notBefore(made.get()), wish.days <= 0 ? -2 * day_s : -3'600);
  ::X509_time_adj_ex(::X509_getm_notAfter(made.get()), wish.days, wish.days <= 0 ? -60 : 0,
                     nullptr);
  ::X509_set_pubkey(made.get(), key);
  auto* name = ::X509_get_subject_name(made.get());
  const auto* text = reinterpret_cast<const unsigned char*>(wish.name.c_str());
  ::X509_NAME_add_entry_by_txt(name, "O", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>("Darkroom"), -1, -1, 0);
  ::X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, text, -1, -1, 0);
  ::X509_set_issuer_name(made.get(),
                         by != nullptr ? ::X509_get_subject_name(by->certificate.get()) : name);
  X509* issuer = by != nullptr ? by->certificate.get() : made.get();
  bool ok = true;
  if (by == nullptr) {
    ok = ok &&
         add_extension(made.get(), issuer, NID_basic_constraints, "critical,CA:TRUE,pathlen:0");
    ok = ok && add_extension(made.get(), issuer, NID_key_usage, "critical,keyCertSign,cRLSign");
  } else {
    ok = ok && add_extension(made.get(), issuer, NID_basic_constraints, "critical,CA:FALSE");
    ok = ok && add_extension(made.get(), issuer, NID_key_usage, "critical,digitalSignature");
    ok = ok && add_extension(made.get(), issuer, NID_ext_key_usage, wish.usage);
  }
  ok = ok && add_extension(made.get(), issuer, NID_subject_key_identifier, "hash");
  std::string names;
  for (const auto& host : wish.hosts)
    names.append(names.empty() ? "" : ",").append(is_address(host) ? "IP:" : "DNS:").append(host);
  if (!names.empty()) ok = ok && add_extension(made.get(), issuer, NID_subject_alt_name, names);
  EVP_PKEY* signing = by != nullptr ? by->key.get() : key;
  if (!ok || ::X509_sign(made.get(), signing, ::EVP_sha256()) == 0)
    return openssl_error("signing a certificate");
  return made;
}

base::result<authority, std::string> read_authority(const std::string& folder) {
  const auto certificate = content_of(folder + "/ca.crt"), key = content_of(folder + "/ca.key");
  if (!certificate || !key)
    return wrong(folder + " holds no cluster's authority; make one with `darkroom cluster init`");
  const text_pointer first(
      ::BIO_new_mem_buf(certificate->data(), static_cast<int>(certificate->size())));
  const text_pointer second(::BIO_new_mem_buf(key->data(), static_cast<int>(key->size())));
  authority read{certificate_pointer(::PEM_read_bio_X509(first.get(), nullptr, nullptr, nullptr)),
                 key_pointer(::PEM_read_bio_PrivateKey(second.get(), nullptr, nullptr, nullptr))};
  if (!read.certificate || !read.key) return openssl_error(folder + "/ca.crt and ca.key");
  return read;
}

std::string serial_of(X509* certificate) {
  std::unique_ptr<BIGNUM, freer<BN_free>> number(
      ::ASN1_INTEGER_to_BN(::X509_get_serialNumber(certificate), nullptr));
  char* text = ::BN_bn2hex(number.get());
  std::string hex = text != nullptr ? text : "";
  OPENSSL_free(text);
  return hex;
}

std::int64_t expiry_of(X509* certificate) {
  tm parts{};
  ::ASN1_TIME_to_tm(::X509_get0_notAfter(certificate), &parts);
  return ::timegm(&parts);
}

// One who changes the folder at a time.
class folder_lock {
public:
  explicit folder_lock(const std::string& folder)
      : directory_(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
    if (directory_) ::flock(directory_.get(), LOCK_EX);
  }

private:
  base::unique_fd directory_;
};

cluster_result write_certificates(const std::string& folder,
                                  const std::vector<node_certificate>& all) {
  std::ostringstream text;
  for (const auto& c : all)
    text << c.serial << ' ' << c.name << ' ' << c.expires_s << ' '
         << (c.revoked ? "revoked" : "issued") << '\n';
  return write_private(folder + "/nodes", text.str());
}

base::result<node_certificate, std::string>
make_identity(const authority& by, const certificate_wish& wish, const std::string& file) {
  const key_pointer key(EVP_EC_gen("P-256"));
  if (!key) return openssl_error("making a key");
  const auto certificate = sign(wish, key.get(), &by);
  if (!certificate) return std::unexpected(certificate.error());
  const auto content =
      pem_of(certificate->get()) + pem_of(key.get()) + pem_of(by.certificate.get());
  if (auto ok = write_private(file, content); !ok) return std::unexpected(ok.error());
  return node_certificate{serial_of(certificate->get()), wish.name, expiry_of(certificate->get()),
                          false};
}

} // namespace

bool is_node_name(const std::string& name) {
  return !name.empty() && name.size() <= limits::node_name_bytes_max && name.front() != '.' &&
         name.front() != '-' && std::ranges::all_of(name, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '.' || c == '-';
         });
}

cluster_result renew_server(const std::string& folder, const std::vector<std::string>& hosts,
                            int days) {
  if (hosts.empty())
    return wrong("say under which names or addresses workers reach the server: --host NAME");
  for (const auto& host : hosts)
    if (!is_address(host) && !is_node_name(host))
      return wrong(host + " is neither a host's name nor an address");
  const auto by = read_authority(folder);
  if (!by) return std::unexpected(by.error());
  const auto made =
      make_identity(*by, {"darkroom-server", "serverAuth", hosts, days}, folder + "/server.pem");
  if (!made) return std::unexpected(made.error());
  return {};
}

cluster_result make_cluster(const std::string& folder, const std::vector<std::string>& hosts,
                            int days) {
  std::error_code error;
  if (std::filesystem::exists(folder + "/ca.key", error))
    return wrong(folder + " holds a cluster's authority already; `darkroom cluster issue NAME` "
                          "lets one more node join");
  if (auto ok = persistence::make_directories(folder); !ok) return wrong(ok.error().text());
  if (::chmod(folder.c_str(), 0700) != 0) return wrong(folder + ": " + base::errno_text(errno));
  const folder_lock lock(folder);
  const key_pointer key(EVP_EC_gen("P-256"));
  if (!key) return openssl_error("making a key");
  const auto certificate =
      sign({"darkroom-cluster", "", {}, limits::authority_days}, key.get(), nullptr);
  if (!certificate) return std::unexpected(certificate.error());
  if (auto ok = write_private(folder + "/ca.crt", pem_of(certificate->get())); !ok) return ok;
  if (auto ok = write_private(folder + "/ca.key", pem_of(key.get())); !ok) return ok;
  if (auto ok = write_certificates(folder, {}); !ok) return ok;
  return renew_server(folder, hosts, days);
}

cluster_result issue_certificate(const std::string& folder, const std::string& name,
                                 const std::string& file, int days) {
  if (!is_node_name(name))
    return wrong(name + " is no name of a node: letters, digits, dots and hyphens, at most " +
                 std::to_string(limits::node_name_bytes_max));
  if (name == domain::local_node || name == "server")
    return wrong(name + " is the server itself; choose another name");
  const folder_lock lock(folder);
  const auto by = read_authority(folder);
  if (!by) return std::unexpected(by.error());
  auto all = read_certificates(folder);
  if (!all) return std::unexpected(all.error());
  const auto made = make_identity(*by, {name, "clientAuth", {}, days}, file);
  if (!made) return std::unexpected(made.error());
  all->push_back(*made);
  return write_certificates(folder, *all);
}

cluster_result revoke_certificates(const std::string& folder, const std::string& name) {
  const folder_lock lock(folder);
  auto all = read_certificates(folder);
  if (!all) return std::unexpected(all.error());
  bool any = false;
  for (auto& c : *all)
    if (c.name == name) any = c.revoked = true;
  if (!any) return wrong("no certificate was issued for " + name + "; see `darkroom cluster ls`");
  return write_certificates(folder, *all);
}

base::result<std::vector<node_certificate>, std::string>
read_certificates(const std::string& folder) {
  const auto text = content_of(folder + "/nodes");
  if (!text)
    return wrong(folder + " holds no cluster's authority; make one with `darkroom cluster init`");
  std::vector<node_certificate> all;
  std::istringstream lines(*text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    node_certificate c;
    std::string state;
    if (!(words >> c.serial >> c.name >> c.expires_s >> state) ||
        (state != "issued" && state != "revoked"))
      return wrong((folder + "/nodes: cannot be read: ").append(line));
    c.revoked = state == "revoked";
    all.push_back(std::move(c));
  }
  return all;
}

base::result<std::vector<node_certificate>, std::string>
own_certificates(const std::string& folder) {
  std::vector<node_certificate> own;
  for (const auto& [file, name] :
       {std::pair{"/server.pem", "the server"}, std::pair{"/ca.crt", "the authority"}}) {
    const text_pointer text(::BIO_new_file((folder + file).c_str(), "r"));
    const certificate_pointer read(text ? ::PEM_read_bio_X509(text.get(), nullptr, nullptr, nullptr)
                                        : nullptr);
    ::ERR_clear_error();
    if (!read) return wrong(folder + file + " holds no certificate");
    own.push_back({serial_of(read.get()), name, expiry_of(read.get()), false});
  }
  return own;
}

} // namespace darkroom::actors
