// SPDX-License-Identifier: MIT
// Payment callbacks as a team would serve them with Fastify and pg: verify, decrypt, parse, seal, and
// one statement a callback. It does the same work as the server, in one process, with node's OpenSSL.
//
//   node server.mjs STATEMENT      environment: PEER_MODULES, MERCHANTS (the sandbox's), DATABASE_URL
//
// Prints its address once it listens.
import { createDecipheriv, createCipheriv, createPublicKey, randomBytes, randomUUID, verify } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'

const require = createRequire(path.join(process.env.PEER_MODULES, 'package.json'))
const fastify = require('fastify')
const pg = require('pg')

const merchants = process.env.MERCHANTS
const settings = Object.fromEntries([...readFileSync(merchants, 'utf8').matchAll(/^(\w+) = (.*)$/gm)].map(m => [m[1], m[2]]))
const file = name => readFileSync(path.resolve(path.dirname(merchants), settings[name]), 'utf8').trim()
const publicKey = text => createPublicKey(text.startsWith('-----') ? text
    : `-----BEGIN PUBLIC KEY-----\n${text}\n-----END PUBLIC KEY-----`)
const wechatKey = publicKey(file('public_key_file'))
const alipayKey = publicKey(file('alipay_public_key_file'))
const apiKey = Buffer.from(file('api_v3_key_file'))
const masterKey = randomBytes(32)
const day = Math.floor((Date.now() / 1000 + 28800) / 86400) + 30

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 32 })
const statement = readFileSync(process.argv[2], 'utf8').replace(/^--.*\n/gm, '')

function seal(key, text) {
    const nonce = randomBytes(12)
    const cipher = createCipheriv('chacha20-poly1305', key, nonce, { authTagLength: 16 })
    return Buffer.concat([nonce, cipher.update(text), cipher.final(), cipher.getAuthTag()])
}

// A key for the record, wrapped; the record sealed with it. Wrapped keys have 79 bytes in the table.
function sealPayer(payer) {
    const key = randomBytes(32)
    const wrapped = Buffer.alloc(79)
    seal(masterKey, key).copy(wrapped)
    return [wrapped, seal(key, JSON.stringify(payer))]
}

async function settle(trade, payer) {
    const now = new Date()
    const values = [trade.outTradeNo, trade.channel, trade.transactionId, trade.amountFen, 'CNY', trade.merchant,
        trade.appid, trade.paidAt, now, true, '7 days', '30 days', day, ...sealPayer(payer), randomUUID(), randomUUID()]
    const { rows } = await pool.query({ name: 'settle', text: statement, values })
    return rows[0].word === 'success' || rows[0].word === 'duplicate'
}

function openWechat(headers, body) {
    const { 'wechatpay-timestamp': at, 'wechatpay-nonce': nonce, 'wechatpay-signature': signature } = headers
    if (Math.abs(Date.now() / 1000 - at) > 300 || headers['wechatpay-serial'] !== settings.public_key_id)
        return null
    const message = Buffer.concat([Buffer.from(`${at}\n${nonce}\n`), body, Buffer.from('\n')])
    if (!verify('sha256', message, wechatKey, Buffer.from(signature, 'base64')))
        return null
    const { resource } = JSON.parse(body)
    const sealed = Buffer.from(resource.ciphertext, 'base64')
    const decipher = createDecipheriv('aes-256-gcm', apiKey, resource.nonce)
    decipher.setAAD(Buffer.from(resource.associated_data ?? ''))
    decipher.setAuthTag(sealed.subarray(-16))
    return JSON.parse(Buffer.concat([decipher.update(sealed.subarray(0, -16)), decipher.final()]))
}

function openAlipay(body) {
    const form = new URLSearchParams(body.toString())
    const text = [...form].filter(([k, v]) => k !== 'sign' && k !== 'sign_type' && v !== '')
        .sort(([a], [b]) => (a < b ? -1 : 1)).map(([k, v]) => `${k}=${v}`).join('&')
    return verify('sha256', Buffer.from(text), alipayKey, Buffer.from(form.get('sign'), 'base64')) ? form : null
}

const app = fastify({ logger: false })
app.removeAllContentTypeParsers()
app.addContentTypeParser('*', { parseAs: 'buffer' }, (request, body, done) => done(null, body))
app.post('/v1/notify/wechat', async (request, reply) => {
    const t = openWechat(request.headers, request.body)
    if (t?.trade_state !== 'SUCCESS' || t.mchid !== settings.mchid)
        return reply.code(401).send({ code: 'FAIL', message: 'refused' })
    const taken = await settle({ channel: 'wechat', outTradeNo: t.out_trade_no, transactionId: t.transaction_id,
        amountFen: t.amount.total, merchant: t.mchid, appid: t.appid, paidAt: new Date(t.success_time) },
    { openid: t.payer.openid, ip_callback: request.ip })
    return reply.code(taken ? 204 : 500).send()
})
app.post('/v1/notify/alipay', async (request, reply) => {
    const t = openAlipay(request.body)
    if (t?.get('trade_status') !== 'TRADE_SUCCESS' || t.get('app_id') !== settings.app_id)
        return reply.code(200).send('fail')
    const [yuan, fraction] = t.get('total_amount').split('.')
    const taken = await settle({ channel: 'alipay', outTradeNo: t.get('out_trade_no'), transactionId: t.get('trade_no'),
        amountFen: Number(yuan) * 100 + Number(fraction), merchant: t.get('seller_id'), appid: t.get('app_id'),
        paidAt: new Date(`${t.get('gmt_payment').replace(' ', 'T')}+08:00`) },
    { buyer_id: t.get('buyer_id'), ip_callback: request.ip })
    return reply.code(taken ? 200 : 500).send(taken ? 'success' : 'fail')
})
console.log(await app.listen({ host: '127.0.0.1', port: 0 }))
process.on('SIGTERM', () => process.exit(0))
