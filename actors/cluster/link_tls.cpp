#include "actors/cluster/link_tls.hpp"

#include "base/result.hpp"

#include <array>
#include <boost/asio/error.hpp>
#include <boost/asio/ssl/error.hpp>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sstream>

namespace darkroom::actors {

namespace ssl = boost::asio::ssl;

namespace {

std::string name_of(X509* certificate) {
  std::array<char, 256> text{};
  const int n = ::X509_NAME_get_text_by_NID(::X509_get_subject_name(certificate), NID_commonName,
                                            text.data(), text.size());
  return n > 0 ? std::string(text.data(), static_cast<std::size_t>(n)) : std::string{};
}

std::string hosts_of(X509* certificate) {
  std::ostringstream hosts;
  auto* names = static_cast<GENERAL_NAMES*>(
      ::X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  const auto* list = reinterpret_cast<const OPENSSL_STACK*>(names); // its macros are of C
  for (int i = 0; i < ::OPENSSL_sk_num(list); ++i) {
    const auto* name = static_cast<const GENERAL_NAME*>(::OPENSSL_sk_value(list, i));
    hosts << (i == 0 ? "" : ", ");
    if (name->type == GEN_DNS) {
      hosts << ::ASN1_STRING_get0_data(name->d.dNSName); // OpenSSL ends it with a zero
    } else if (name->type == GEN_IPADD && ::ASN1_STRING_length(name->d.iPAddress) == 4) {
      const auto* b = ::ASN1_STRING_get0_data(name->d.iPAddress);
      hosts << int{b[0]} << '.' << int{b[1]} << '.' << int{b[2]} << '.' << int{b[3]};
    } else {
      hosts << "an address";
    }
  }
  ::GENERAL_NAMES_free(names);
  return hosts.str();
}

} // namespace

base::result<tls_context, std::string> link_context(const std::string& identity, bool server) {
  auto context = std::make_shared<ssl::context>(server ? ssl::context::tlsv13_server
                                                       : ssl::context::tlsv13_client);
  boost::system::error_code error;
  const auto fail = [&] { return std::unexpected(identity + ": " + error.message()); };
  context->set_options(ssl::context::default_workarounds | ssl::context::no_compression, error);
  if (error) return fail();
  // A link is new each time: nothing is resumed.
  ::SSL_CTX_set_session_cache_mode(context->native_handle(), SSL_SESS_CACHE_OFF);
  ::SSL_CTX_set_num_tickets(context->native_handle(), 0);
  if (context->use_certificate_chain_file(identity, error)) return fail();
  if (context->use_private_key_file(identity, ssl::context::pem, error)) return fail();
  // The own certificate lies in the same file: only an authority counts as one.
  if (context->load_verify_file(identity, error)) return fail();
  if (context->set_verify_mode(ssl::verify_peer | ssl::verify_fail_if_no_peer_cert, error))
    return fail();
  if (server)
    if (FILE* file = std::fopen(identity.c_str(), "r"); file != nullptr) {
      std::fclose(file);
      ::SSL_CTX_set_client_CA_list(context->native_handle(),
                                   ::SSL_load_client_CA_file(identity.c_str()));
    }
  return context;
}

peer_certificate certificate_of(SSL* connection) {
  X509* certificate = ::SSL_get1_peer_certificate(connection);
  if (certificate == nullptr) return {};
  peer_certificate peer{name_of(certificate), {}};
  BIGNUM* number = ::ASN1_INTEGER_to_BN(::X509_get_serialNumber(certificate), nullptr);
  char* hex = ::BN_bn2hex(number);
  peer.serial = hex;
  OPENSSL_free(hex);
  ::BN_free(number);
  ::X509_free(certificate);
  return peer;
}

std::string own_name(const std::string& identity) {
  FILE* file = std::fopen(identity.c_str(), "r");
  if (file == nullptr) return {};
  X509* certificate = ::PEM_read_X509(file, nullptr, nullptr, nullptr);
  std::fclose(file);
  ::ERR_clear_error();
  if (certificate == nullptr) return {};
  auto name = name_of(certificate);
  ::X509_free(certificate);
  return name;
}

void expect_host(SSL* connection, const std::string& host) {
  auto* parameters = ::SSL_get0_param(connection);
  if (::X509_VERIFY_PARAM_set1_ip_asc(parameters, host.c_str()) == 1) return;
  ::ERR_clear_error();
  ::SSL_set1_host(connection, host.c_str());
  std::string name = host; // as SSL_set_tlsext_host_name, which is a macro with casts of C
  ::SSL_ctrl(connection, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, name.data());
}

std::string hosts_of(X509_STORE_CTX* looked_at) {
  return ::X509_STORE_CTX_get_error_depth(looked_at) == 0
             ? hosts_of(::X509_STORE_CTX_get_current_cert(looked_at))
             : std::string{};
}

std::string handshake_problem(SSL* connection, const boost::system::error_code& error,
                              const std::string& host, const std::string& hosts) {
  constexpr const char* no_tls = "there is something at this address that does not speak TLS: join "
                                 "the cluster's port, not that of HTTP";
  if (error == ssl::error::stream_truncated || error == boost::asio::error::eof) return no_tls;
  if (error.category() == boost::asio::error::get_ssl_category())
    switch (ERR_GET_REASON(static_cast<unsigned long>(error.value()))) {
    case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
      return "this worker's certificate has expired; issue a new one with `darkroom cluster issue`";
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
    case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
    case SSL_R_TLSV1_ALERT_DECRYPT_ERROR:
      return "the server does not know this worker's certificate: it is of another cluster; issue "
             "one with `darkroom cluster issue` on the server";
    case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
      return "this is not a worker's certificate; issue one with `darkroom cluster issue`";
    case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
      return "the server saw no certificate of this worker";
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_PACKET_LENGTH_TOO_LONG:
    case SSL_R_HTTP_REQUEST:
      return no_tls;
    default:
      break;
    }
  const auto verified = ::SSL_get_verify_result(connection);
  switch (verified) {
  case X509_V_OK:
    break;
  case X509_V_ERR_CERT_HAS_EXPIRED:
    return "the server's certificate has expired; renew it there with `darkroom cluster renew`, "
           "and "
           "start the server again";
  case X509_V_ERR_CERT_NOT_YET_VALID:
    return "the server's certificate is not valid yet; compare the clocks of the two machines";
  case X509_V_ERR_HOSTNAME_MISMATCH:
  case X509_V_ERR_IP_ADDRESS_MISMATCH:
    return "the server's certificate is not for " + host +
           (hosts.empty() ? "" : " but for " + hosts) +
           "; join under such a name, or renew it on the server with `darkroom cluster renew`, a "
           "--host for " +
           host + " and one for each name that others join under, and start it again";
  case X509_V_ERR_INVALID_PURPOSE:
    return "what answers at this address is not the server: its certificate is that of a worker";
  default:
    return std::string{"the server's certificate is not of this worker's cluster ("} +
           ::X509_verify_cert_error_string(verified) +
           "); issue the worker's certificate on this server";
  }
  return error.message();
}

} // namespace darkroom::actors
