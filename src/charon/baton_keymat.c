/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Theory of operation. The hook that tells derived keys names the IKE_SA that is
 * on the bus, which during a rekeying is the old one. The keymat that derives is
 * always the right place, so each wraps strongSwan's keymat and notes itself
 * while that derives; the hook then puts the keys here. They live and die with
 * the keymat, and so with the IKE_SA.
 *
 * A restored keymat has AEADs set up with SK_e and SK_a, and derives CHILD_SA keys
 * and, through get_skd(), those of a rekeyed IKE_SA from SK_d. It does not
 * authenticate: that was done before.
 */
#include "baton_keymat.h"
#include "baton_convert.h"
#include "baton_restoring.h"

#include <daemon.h>

typedef struct private_baton_keymat_t private_baton_keymat_t;

struct private_baton_keymat_t {

	/**
	 * Public interface
	 */
	keymat_v2_t public;

	/**
	 * strongSwan's own
	 */
	keymat_v2_t *inner;

	/**
	 * The keys, NULL as long as there are none
	 */
	baton_ike_keys_t *keys;

	/**
	 * Restored: AEADs and PRF of the IKE_SA; aead_in is NULL if not restored
	 */
	aead_t *aead_in;
	aead_t *aead_out;
	pseudo_random_function_t prf_alg;
};

/**
 * Keymat that derives keys on this thread
 */
static __thread private_baton_keymat_t *deriving;

METHOD(keymat_t, get_version, ike_version_t,
	private_baton_keymat_t *this)
{
	return IKEV2;
}

METHOD(keymat_t, create_ke, key_exchange_t*,
	private_baton_keymat_t *this, key_exchange_method_t method)
{
	return this->inner->keymat.create_ke(&this->inner->keymat, method);
}

METHOD(keymat_t, create_nonce_gen, nonce_gen_t*,
	private_baton_keymat_t *this)
{
	return this->inner->keymat.create_nonce_gen(&this->inner->keymat);
}

METHOD(keymat_t, get_aead, aead_t*,
	private_baton_keymat_t *this, bool in)
{
	if (this->aead_in)
	{
		return in ? this->aead_in : this->aead_out;
	}
	return this->inner->keymat.get_aead(&this->inner->keymat, in);
}

METHOD(keymat_v2_t, derive_ike_keys, bool,
	private_baton_keymat_t *this, proposal_t *proposal, key_exchange_t *ke,
	chunk_t nonce_i, chunk_t nonce_r, ike_sa_id_t *id,
	pseudo_random_function_t rekey_function, chunk_t rekey_skd)
{
	bool success;

	deriving = this;
	success = this->inner->derive_ike_keys(this->inner, proposal, ke, nonce_i,
										nonce_r, id, rekey_function, rekey_skd);
	deriving = NULL;
	return success;
}

METHOD(keymat_v2_t, derive_ike_keys_ppk, bool,
	private_baton_keymat_t *this, chunk_t ppk)
{
	return this->inner->derive_ike_keys_ppk(this->inner, ppk);
}

/**
 * Key lengths of a CHILD_SA in bytes, with the salt that some modes need
 */
static bool child_key_lengths(proposal_t *proposal, size_t *encr, size_t *integ)
{
	uint16_t alg, bits = 0;

	*encr = *integ = 0;
	if (proposal->get_algorithm(proposal, ENCRYPTION_ALGORITHM, &alg, &bits))
	{
		*encr = (bits ?: (size_t)keymat_get_keylen_encr(alg)) / 8;
		if (!*encr && alg != ENCR_NULL)
		{
			return FALSE;
		}
		switch (alg)
		{
			case ENCR_AES_CCM_ICV8:
			case ENCR_AES_CCM_ICV12:
			case ENCR_AES_CCM_ICV16:
			case ENCR_CAMELLIA_CCM_ICV8:
			case ENCR_CAMELLIA_CCM_ICV12:
			case ENCR_CAMELLIA_CCM_ICV16:
				*encr += 3;
				break;
			case ENCR_AES_GCM_ICV8:
			case ENCR_AES_GCM_ICV12:
			case ENCR_AES_GCM_ICV16:
			case ENCR_AES_CTR:
			case ENCR_CAMELLIA_CTR:
			case ENCR_NULL_AUTH_AES_GMAC:
			case ENCR_CHACHA20_POLY1305:
				*encr += 4;
				break;
			default:
				break;
		}
	}
	bits = 0;
	if (proposal->get_algorithm(proposal, INTEGRITY_ALGORITHM, &alg, &bits))
	{
		*integ = (bits ?: (size_t)keymat_get_keylen_integ(alg)) / 8;
		return *integ != 0;
	}
	return TRUE;
}

/**
 * KEYMAT = prf+(SK_d, [g^ir] | Ni | Nr), RFC 7296 2.17
 */
static bool derive_child_keymat(private_baton_keymat_t *this, chunk_t secret,
						chunk_t nonce_i, chunk_t nonce_r, size_t len, chunk_t *keymat)
{
	kdf_t *prf_plus;
	chunk_t seed;
	bool success;

	prf_plus = lib->crypto->create_kdf(lib->crypto, KDF_PRF_PLUS, this->prf_alg);
	if (!prf_plus)
	{
		return FALSE;
	}
	seed = chunk_cat("ccc", secret, nonce_i, nonce_r);
	success = prf_plus->set_param(prf_plus, KDF_PARAM_KEY,
								  baton_to_chunk(&this->keys->d)) &&
			  prf_plus->set_param(prf_plus, KDF_PARAM_SALT, seed) &&
			  prf_plus->allocate_bytes(prf_plus, len, keymat);
	chunk_clear(&seed);
	prf_plus->destroy(prf_plus);
	return success;
}

METHOD(keymat_v2_t, derive_child_keys, bool,
	private_baton_keymat_t *this, proposal_t *proposal, key_exchange_t *ke,
	chunk_t nonce_i, chunk_t nonce_r, chunk_t *encr_i, chunk_t *integ_i,
	chunk_t *encr_r, chunk_t *integ_r)
{
	chunk_t secret = chunk_empty, keymat = chunk_empty;
	size_t encr, integ;
	bool success;

	if (!this->aead_in)
	{
		return this->inner->derive_child_keys(this->inner, proposal, ke, nonce_i,
								nonce_r, encr_i, integ_i, encr_r, integ_r);
	}
	*encr_i = *integ_i = *encr_r = *integ_r = chunk_empty;
	if (!child_key_lengths(proposal, &encr, &integ) ||
		(ke && !ke->get_shared_secret(ke, &secret)))
	{
		return FALSE;
	}
	success = derive_child_keymat(this, secret, nonce_i, nonce_r,
								  2 * (encr + integ), &keymat);
	chunk_clear(&secret);
	if (success)
	{
		chunk_split(keymat, "aaaa", encr, encr_i, integ, integ_i,
					encr, encr_r, integ, integ_r);
		chunk_clear(&keymat);
	}
	return success;
}

METHOD(keymat_v2_t, get_skd, pseudo_random_function_t,
	private_baton_keymat_t *this, chunk_t *skd)
{
	if (this->aead_in)
	{
		*skd = baton_to_chunk(&this->keys->d);
		return this->prf_alg;
	}
	return this->inner->get_skd(this->inner, skd);
}

METHOD(keymat_v2_t, get_auth_octets, bool,
	private_baton_keymat_t *this, bool verify, chunk_t ike_sa_init,
	chunk_t nonce, chunk_t ppk, identification_t *id, char reserved[3],
	chunk_t *octets, array_t *schemes)
{
	return !this->aead_in &&
		   this->inner->get_auth_octets(this->inner, verify, ike_sa_init, nonce,
										ppk, id, reserved, octets, schemes);
}

METHOD(keymat_v2_t, get_psk_sig, bool,
	private_baton_keymat_t *this, bool verify, chunk_t ike_sa_init, chunk_t nonce,
	chunk_t secret, chunk_t ppk, identification_t *id, char reserved[3],
	chunk_t *sig)
{
	return !this->aead_in &&
		   this->inner->get_psk_sig(this->inner, verify, ike_sa_init, nonce,
									secret, ppk, id, reserved, sig);
}

METHOD(keymat_v2_t, hash_algorithm_supported, bool,
	private_baton_keymat_t *this, hash_algorithm_t hash)
{
	return this->inner->hash_algorithm_supported(this->inner, hash);
}

METHOD(keymat_v2_t, add_hash_algorithm, void,
	private_baton_keymat_t *this, hash_algorithm_t hash)
{
	this->inner->add_hash_algorithm(this->inner, hash);
}

METHOD(keymat_t, destroy, void,
	private_baton_keymat_t *this)
{
	DESTROY_IF(this->aead_in);
	DESTROY_IF(this->aead_out);
	baton_vault_free(this->keys);
	this->inner->keymat.destroy(&this->inner->keymat);
	free(this);
}

/**
 * Salt length of AEADs for IKE, RFC 5282 and RFC 7634; 0 if it is none
 */
static size_t salt_length(uint16_t alg)
{
	switch (alg)
	{
		case ENCR_AES_GCM_ICV8:
		case ENCR_AES_GCM_ICV12:
		case ENCR_AES_GCM_ICV16:
		case ENCR_CHACHA20_POLY1305:
			return 4;
		case ENCR_AES_CCM_ICV8:
		case ENCR_AES_CCM_ICV12:
		case ENCR_AES_CCM_ICV16:
		case ENCR_CAMELLIA_CCM_ICV8:
		case ENCR_CAMELLIA_CCM_ICV12:
		case ENCR_CAMELLIA_CCM_ICV16:
			return 3;
		default:
			return 0;
	}
}

/**
 * A cipher with a MAC as an AEAD
 */
static aead_t *create_traditional(uint16_t alg, size_t key_size, uint16_t int_alg)
{
	crypter_t *crypter;
	signer_t *signer;
	iv_gen_t *iv_gen;

	crypter = lib->crypto->create_crypter(lib->crypto, alg, key_size);
	signer = lib->crypto->create_signer(lib->crypto, int_alg);
	iv_gen = iv_gen_create_for_alg(alg);
	if (crypter && signer && iv_gen)
	{
		return aead_create(crypter, signer, iv_gen);
	}
	DESTROY_IF(crypter);
	DESTROY_IF(signer);
	DESTROY_IF(iv_gen);
	return NULL;
}

/**
 * An AEAD of the IKE_SA with its key, SK_a before SK_e
 */
static aead_t *create_aead(proposal_t *proposal, const struct baton_secret *a,
						   const struct baton_secret *e)
{
	uint16_t alg, bits, int_alg;
	aead_t *aead = NULL;
	chunk_t key;

	if (!proposal->get_algorithm(proposal, ENCRYPTION_ALGORITHM, &alg, &bits))
	{
		return NULL;
	}
	if (encryption_algorithm_is_aead(alg))
	{
		aead = lib->crypto->create_aead(lib->crypto, alg, bits / 8,
										salt_length(alg));
	}
	else if (proposal->get_algorithm(proposal, INTEGRITY_ALGORITHM, &int_alg,
									 NULL))
	{
		aead = create_traditional(alg, bits / 8, int_alg);
	}
	if (!aead)
	{
		DBG1(DBG_IKE, "baton: %N is not supported here",
			 encryption_algorithm_names, alg);
		return NULL;
	}
	key = chunk_cat("cc", baton_to_chunk(a), baton_to_chunk(e));
	if (key.len != aead->get_key_size(aead) || !aead->set_key(aead, key))
	{
		DBG1(DBG_IKE, "baton: stored keys do not fit %N",
			 encryption_algorithm_names, alg);
		aead->destroy(aead);
		aead = NULL;
	}
	chunk_clear(&key);
	return aead;
}

/**
 * Set up a keymat from the session that this thread restores
 */
static bool restore(private_baton_keymat_t *this, const struct baton_session *s,
					bool initiator)
{
	proposal_t *proposal;
	aead_t *aead_i, *aead_r;
	uint16_t prf_alg = 0;
	bool success;

	this->keys = baton_vault_alloc(sizeof(*this->keys));
	if (!this->keys)
	{
		return FALSE;
	}
	*this->keys = (baton_ike_keys_t){
		.d = s->sk_d, .ai = s->sk_ai, .ar = s->sk_ar, .ei = s->sk_ei,
		.er = s->sk_er, .pi = s->sk_pi, .pr = s->sk_pr,
	};
	proposal = baton_to_proposal(&s->suite, PROTO_IKE);
	success = proposal->get_algorithm(proposal, PSEUDO_RANDOM_FUNCTION, &prf_alg,
									  NULL);
	this->prf_alg = prf_alg;
	aead_i = create_aead(proposal, &s->sk_ai, &s->sk_ei);
	aead_r = create_aead(proposal, &s->sk_ar, &s->sk_er);
	proposal->destroy(proposal);
	this->aead_out = initiator ? aead_i : aead_r;
	this->aead_in = initiator ? aead_r : aead_i;
	return success && aead_i && aead_r;
}

/*
 * Described in header
 */
void baton_keymat_derived(const chunk_t *sk_d, chunk_t ai, chunk_t ar, chunk_t ei,
						  chunk_t er, chunk_t pi, chunk_t pr)
{
	private_baton_keymat_t *this = deriving;
	baton_ike_keys_t *keys;

	if (!this)
	{
		return;
	}
	if (!this->keys)
	{
		this->keys = baton_vault_alloc(sizeof(*this->keys));
	}
	keys = this->keys;
	if (keys && !(baton_from_chunk(*sk_d, &keys->d) &&
				  baton_from_chunk(ai, &keys->ai) &&
				  baton_from_chunk(ar, &keys->ar) &&
				  baton_from_chunk(ei, &keys->ei) &&
				  baton_from_chunk(er, &keys->er) &&
				  baton_from_chunk(pi, &keys->pi) &&
				  baton_from_chunk(pr, &keys->pr)))
	{	/* too long for us: such an IKE_SA is not stored */
		baton_vault_free(keys);
		this->keys = NULL;
	}
}

/*
 * Described in header
 */
bool baton_keymat_get_keys(keymat_t *keymat, baton_ike_keys_t *keys)
{
	private_baton_keymat_t *this = (private_baton_keymat_t*)keymat;
	chunk_t skd = chunk_empty;

	if (!keymat || (void*)keymat->destroy != (void*)_destroy || !this->keys)
	{
		return FALSE;
	}
	*keys = *this->keys;
	get_skd(this, &skd);
	return skd.len && baton_from_chunk(skd, &keys->d);
}

/*
 * Described in header
 */
keymat_t *baton_keymat_create(bool initiator)
{
	private_baton_keymat_t *this;

	INIT(this,
		.public = {
			.keymat = {
				.get_version = _get_version,
				.create_ke = _create_ke,
				.create_nonce_gen = _create_nonce_gen,
				.get_aead = _get_aead,
				.destroy = _destroy,
			},
			.derive_ike_keys = _derive_ike_keys,
			.derive_ike_keys_ppk = _derive_ike_keys_ppk,
			.derive_child_keys = _derive_child_keys,
			.get_skd = _get_skd,
			.get_auth_octets = _get_auth_octets,
			.get_psk_sig = _get_psk_sig,
			.add_hash_algorithm = _add_hash_algorithm,
			.hash_algorithm_supported = _hash_algorithm_supported,
		},
		.inner = keymat_v2_create(initiator),
		.prf_alg = PRF_UNDEFINED,
	);

	if (baton_restoring && !restore(this, baton_restoring->session, initiator))
	{
		destroy(this);
		return NULL;
	}
	return &this->public.keymat;
}
