/* SPDX-License-Identifier: MIT */
/* Every word of the page in both languages. An element names its word in data-word, its label in
 * data-label; setLanguage() fills them in. */

const words = {
  skip: ['跳到正文', 'Skip to the content'],
  title: ['证件照', 'ID photo'],
  policy: ['隐私政策', 'Privacy policy'],
  document: ['选择证件', 'Choose a document'],
  search: ['按名称、用途或编号搜索', 'Search by name, use or code'],
  nothingFound: ['没有找到，换个词试试。', 'Nothing found; try another word.'],
  facts: ['{width} × {height} 像素，{mm} 毫米，{dpi} dpi{kb}', '{width} × {height} px, {mm} mm, {dpi} dpi{kb}'],
  kb: ['，{min}–{max} KB', ', {min} to {max} KB'],
  kbMost: ['，不超过 {max} KB', ', at most {max} KB'],
  kbLeast: ['，不小于 {min} KB', ', at least {min} KB'],
  official: ['官方规格', 'official'],
  portrait: ['照片', 'Portrait'],
  portraitHint: ['正对镜头，光线均匀，露出双耳和肩膀。', 'Face the camera in even light, ears and shoulders in view.'],
  upload: ['上传照片', 'Upload a picture'],
  camera: ['拍照', 'Take a picture'],
  cameraOff: ['无法使用相机，请上传照片。', 'The camera cannot be used; upload a picture.'],
  viewfinder: ['取景', 'Viewfinder'],
  shoot: ['拍摄', 'Shoot'],
  close: ['关闭', 'Close'],
  yourPicture: ['您的照片', 'Your picture'],
  marked: ['您的照片，已标出人脸、双眼和下巴', 'Your picture with face, eyes and chin marked'],
  noView: ['浏览器不能显示这种图片，但可以制作。', 'The browser cannot show this kind of picture; it can be used all the same.'],
  tooBig: ['图片超过 20 MB。', 'The picture is larger than 20 MB.'],
  notAPicture: ['请选择 JPEG、PNG、WebP 或 HEIC 图片。', 'Choose a JPEG, PNG, WebP or HEIC picture.'],
  subject: ['照片中的人', 'Who is in the picture'],
  subjectSelf: ['我本人', 'Myself'],
  subjectOther: ['他人，已征得本人同意', 'Somebody who has agreed'],
  subjectChild: ['儿童，我是监护人', 'A child whose guardian I am'],
  check: ['检测照片', 'Check the picture'],
  checking: ['正在检测……', 'Checking…'],
  checkGood: ['可以制作', 'Good to go'],
  checkBad: ['建议重新拍摄', 'Better take it again'],
  pass: ['合格', 'Good'], warn: ['注意', 'Mind'], fail: ['不合格', 'Not good'],
  make: ['制作', 'Make'],
  background: ['背景', 'Background'],
  'c_#FFFFFF': ['白色', 'White'],
  'c_#F0F0F0': ['淡灰色', 'Very light grey'],
  'c_#DCDCDC': ['浅灰色', 'Light grey'],
  'c_#D2D2D2': ['灰色', 'Grey'],
  'c_#D8E2EC': ['灰蓝色', 'Greyish blue'],
  'c_#64C5FF': ['浅蓝色', 'Light blue'],
  'c_#438EDB': ['蓝色', 'Blue'],
  'c_#338FB2': ['湖蓝色', 'Teal'],
  'c_#D9342B': ['红色', 'Red'],
  'c_#F5F5DC': ['米色', 'Cream'],
  gradient: ['{colour}渐变', '{colour} to white'],
  keep: ['保留原背景', 'Keep as it is'],
  clear: ['透明', 'Transparent'],
  makeButton: ['制作证件照', 'Make the ID photo'],
  making: ['正在制作……', 'Making…'],
  made: ['证件照已制作完成。', 'The ID photo is ready.'],
  before: ['原图', 'Before'],
  after: ['证件照（预览带水印）', 'After (preview, watermarked)'],
  outside: ['以下几项未达到规格：{names}', 'Outside the rules of the document: {names}'],
  inside: ['头部位置符合规格。', 'Head and eyes are where the document wants them.'],
  order: ['下单与支付', 'Order and pay'],
  product: ['商品', 'Product'],
  recipient: ['收件人', 'Recipient'],
  name: ['姓名', 'Name'], phone: ['手机号', 'Phone'], province: ['省份', 'Province'], city: ['城市', 'City'],
  district: ['区县', 'District'], street: ['详细地址', 'Street and number'], postcode: ['邮编（可不填）', 'Postcode (optional)'],
  printConsent: ['同意将姓名、地址和手机号用于邮寄冲印照片', 'Name, address and phone may be used to mail the prints'],
  noRefund: ['我了解电子照片交付后不支持退款', 'I know that a delivered electronic photo is not refunded'],
  channel: ['支付方式', 'Pay with'],
  wechat: ['微信支付', 'WeChat Pay'],
  alipay: ['支付宝', 'Alipay'],
  orderButton: ['下单并支付', 'Order and pay'],
  ordering: ['正在下单……', 'Ordering…'],
  payTitle: ['请支付 {price}', 'Please pay {price}'],
  payScan: ['请用微信扫描二维码。', 'Scan the code with WeChat.'],
  payOpen: ['请在新页面中完成支付。', 'Finish the payment on the page that opens.'],
  payLink: ['打开支付页面', 'Open the payment page'],
  qrAlt: ['微信支付二维码', 'QR code for WeChat Pay'],
  waiting: ['等待支付结果……', 'Waiting for the payment…'],
  paid: ['支付成功。', 'Paid.'],
  payClosed: ['支付已关闭，可以重新下单。', 'The payment was closed; you can order again.'],
  fill: ['请填写或勾选标出的项目。', 'Fill in or tick what is marked.'],
  done: ['下载与删除', 'Download and delete'],
  kept: ['可下载至 {until}，之后自动删除。', 'Kept for download until {until}, then deleted.'],
  keptDraft: ['未支付的照片将于 {until} 删除。', 'Unpaid, it is deleted at {until}.'],
  printed: ['冲印照片将邮寄给您。', 'The prints will be mailed to you.'],
  layout: ['版式', 'Layout'],
  layoutSingle: ['单张', 'Single photo'],
  layout4R: ['六寸相纸（4R）', '6-inch paper (4R)'],
  layout3R: ['五寸相纸（3R）', '5-inch paper (3R)'],
  format: ['格式', 'Format'],
  download: ['下载', 'Download'],
  deletePhoto: ['删除照片', 'Delete the photo'],
  deleteAll: ['删除我的全部数据', 'Delete everything of mine'],
  deleteSure: ['确定删除吗？此操作不可恢复。', 'Delete it? This cannot be undone.'],
  deleteForce: ['冲印订单尚未寄出。仍要删除并放弃订单吗？', 'A print order is not shipped yet. Delete, and give the order up?'],
  photoDeleted: ['照片已删除。', 'The photo is deleted.'],
  allDeleted: ['您的数据已全部删除。', 'Everything of yours is deleted.'],
  promise: ['原始照片只在制作的一次请求中使用，不保存。', 'Your portrait is used within one request and not kept.'],
  consent: ['开始之前', 'Before we begin'],
  consentPolicy: ['我已阅读并同意隐私政策', 'I have read the privacy policy and agree to it'],
  minor: ['我未满 14 周岁，由监护人陪同', 'I am under 14, and my guardian is with me'],
  guardian: ['监护人', 'Guardian'],
  relation: ['关系', 'Relation'],
  comma: ['、', ', '],
  agree: ['同意', 'Agree'],
  otherLanguage: ['English', '中文'],
  decline: ['不同意', 'Decline'],
  offline: ['连接失败，请检查网络后重试。', 'No connection; check it and try again.'],
  wait: ['请求过多，请在 {seconds} 秒后重试。', 'Too many requests; try again in {seconds} seconds.'],
  m_faces: ['人脸数量', 'Faces'],
  'm_second-face': ['画面中的其他人', 'Other people'],
  'm_inter-eye-distance': ['人脸大小', 'Size of the face'],
  'm_head-size': ['头部比例', 'Share of the head'],
  'm_left-margin': ['左侧留白', 'Room on the left'],
  'm_right-margin': ['右侧留白', 'Room on the right'],
  'm_top-margin': ['头顶留白', 'Room above'],
  'm_bottom-margin': ['下方留白', 'Room below'],
  m_roll: ['头部倾斜', 'Tilt'],
  m_yaw: ['左右转头', 'Turn to the side'],
  m_pitch: ['抬头低头', 'Nod'],
  'm_luminance-mean': ['亮度', 'Brightness'],
  'm_luminance-variance': ['明暗对比', 'Contrast'],
  'm_under-exposure': ['欠曝', 'Too dark in places'],
  'm_over-exposure': ['过曝', 'Blown out in places'],
  'm_dynamic-range': ['层次', 'Dynamic range'],
  'm_uneven-light': ['光线均匀', 'Even light'],
  m_sharpness: ['清晰度', 'Sharpness'],
  'm_natural-colour': ['肤色自然', 'Natural colour'],
  m_grey: ['彩色', 'Colour'],
  m_background: ['背景整洁', 'Plain background'],
  m_compression: ['压缩痕迹', 'Compression'],
  'm_eyes-open': ['双眼睁开', 'Eyes open'],
  'm_mouth-open': ['嘴巴闭合', 'Mouth closed'],
  'm_cut-off': ['拍摄范围', 'Head in the picture'],
  'm_too-small': ['图片大小', 'Size of the picture'],
  'm_resolution': ['像素', 'Resolution'],
  'm_geometry': ['头部位置', 'Place of the head'],
  'm_file-size': ['文件大小', 'Size of the file'],
  'b_head-height': ['头高', 'head height'],
  'b_head-width': ['头宽', 'head width'],
  'b_crown-y': ['头顶距上边', 'crown from the top'],
  'b_eye-y': ['眼睛高度', 'eye line'],
  'b_eye-distance': ['瞳距', 'distance of the eyes'],
  'b_chin-bottom': ['下巴距下边', 'chin from the bottom'],
  b_centre: ['居中', 'centring'],
};

const tags = ['zh-CN', 'en'];
let current = navigator.language.toLowerCase().startsWith('zh') ? 0 : 1;

export const languageTag = () => tags[current];

/* Of {name_zh, name_en}, {advice_zh, advice_en}: the one of the language. */
export const inLanguage = (thing, member) => thing[`${member}_${current === 0 ? 'zh' : 'en'}`];

export function word(key, values = {}) {
  const text = words[key]?.[current] ?? key;
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

/* By its usual name, or as #RRGGBB where it has none. */
export function colourName(hex) {
  const key = `c_${hex}`;
  return key in words ? word(key) : hex;
}

export const price = (fen) =>
  new Intl.NumberFormat(languageTag(), {style: 'currency', currency: 'CNY'}).format(fen / 100);

export const moment = (text) =>
  new Intl.DateTimeFormat(languageTag(), {dateStyle: 'medium', timeStyle: 'short'}).format(new Date(text));

export function translate() {
  document.documentElement.lang = languageTag();
  document.title = `${word('title')} · idphotod`;
  for (const e of document.querySelectorAll('[data-word]')) e.textContent = word(e.dataset.word);
  for (const e of document.querySelectorAll('[data-label]')) e.setAttribute('aria-label', word(e.dataset.label));
}

export function switchLanguage() {
  current = 1 - current;
  translate();
}
